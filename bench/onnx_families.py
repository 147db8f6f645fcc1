"""Torchvision's classifier families as ONNX files, with PyTorch's input gradients in float64 and float32, and PyTorch's time for one.

    python3 bench/onnx_families.py make FOLDER IMAGES [NAME …]   writes FOLDER/<name>.onnx and FOLDER/<name>.npz
    python3 bench/onnx_families.py time FOLDER NAME              prints the milliseconds of one gradient, the best of 1 and 2 threads
    python3 bench/onnx_families.py cpu FOLDER NAME               prints its milliseconds of processor time on one thread

IMAGES is a (gzipped) CIFAR-10 binary file; its images are enlarged bilinearly. Weights are drawn at random (nothing is downloaded), and
batch normalization is given the statistics of the images. bench/onnx_families.ts runs both and compares.
"""
import gzip
import os
import sys
import time
import warnings
import numpy as np
import torch
import torch.nn.functional as F
import torchvision.models as zoo
from torch import nn

warnings.filterwarnings("ignore")
torch.set_flush_denormal(True)
BATCH, BATCHES, CLASSES = 4, 8, 10


class Encoder(nn.Module):
    """PyTorch's own transformer encoder on rows of patches."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(3 * 8 * 8, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x):
        b = x.shape[0]
        patches = x.reshape(b, 3, 8, 8, 8, 8).permute(0, 2, 4, 1, 3, 5).reshape(b, 64, 192)
        return self.head(self.encoder(self.embed(patches)).mean(1))


class ChannelsLast(nn.Module):
    """As tf2onnx writes a Keras network: images with channels last, turned for each layer, a softmax at the end."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1)])
        self.head = nn.Linear(64 * 64, CLASSES)

    def logits(self, x):
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x.permute(0, 3, 1, 2))), 2).permute(0, 2, 3, 1)
        return self.head(x.flatten(1))

    def forward(self, x):
        return self.logits(x).softmax(-1)


def zoo_model(name, **options):
    return lambda: getattr(zoo, name)(num_classes=CLASSES, **options)


def vgg():
    """With its last pooling to 1×1: the exporter cannot write one that enlarges."""
    net = zoo.vgg11_bn(num_classes=CLASSES)
    net.avgpool = nn.AdaptiveAvgPool2d(1)
    net.classifier[0] = nn.Linear(512, 512)
    net.classifier[3] = nn.Linear(512, 512)
    net.classifier[6] = nn.Linear(512, CLASSES)
    return net


# name: (constructor, extent of the images, opset)
FAMILIES = {
    "resnet18": (zoo_model("resnet18"), 64, 13),
    "vgg11": (vgg, 64, 13),
    "densenet121": (zoo_model("densenet121"), 64, 13),
    "squeezenet1_1": (zoo_model("squeezenet1_1"), 64, 13),
    "googlenet": (zoo_model("googlenet", aux_logits=False, init_weights=True), 64, 13),
    "inception_v3": (zoo_model("inception_v3", aux_logits=False, init_weights=True), 96, 13),
    "mobilenet_v2": (zoo_model("mobilenet_v2"), 64, 13),
    "mobilenet_v3_small": (zoo_model("mobilenet_v3_small"), 64, 14),
    "shufflenet_v2_x1_0": (zoo_model("shufflenet_v2_x1_0"), 64, 13),
    "mnasnet0_5": (zoo_model("mnasnet0_5"), 64, 13),
    "efficientnet_b0": (zoo_model("efficientnet_b0"), 64, 13),
    "regnet_y_400mf": (zoo_model("regnet_y_400mf"), 64, 13),
    "convnext_tiny": (zoo_model("convnext_tiny"), 64, 16),
    "vit_small": (lambda: zoo.VisionTransformer(64, 8, 6, 6, 192, 384, num_classes=CLASSES), 64, 14),
    "swin_t": (zoo_model("swin_t"), 64, 16),
    "encoder": (Encoder, 64, 14),
    "channels_last": (ChannelsLast, 64, 15),
}
# Those whose parameter gradients are compared too; they are exported with their parameters untouched.
PARAMETERS = {"resnet18", "mobilenet_v2", "vit_small"}


def images(path, extent):
    raw = (gzip.open if path.endswith(".gz") else open)(path, "rb").read(3073 * BATCH * BATCHES)
    pixels = np.frombuffer(raw, np.uint8).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32)
    return F.interpolate(torch.tensor(pixels / 255.0, dtype=torch.float32), extent, mode="bilinear").reshape(BATCHES, BATCH, 3, extent, extent)


def prepare(name, path):
    make, extent, opset = FAMILIES[name]
    torch.manual_seed(0)
    net, x = make(), images(path, extent)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    for parameter in net.parameters():
        if parameter.dim() == 1:  # all different: the exporter joins equal parameters
            parameter.data += 0.05 * torch.randn_like(parameter)
    if name == "vit_small":
        nn.init.normal_(net.heads.head.weight, std=0.1)  # begins at zero, where there is no gradient
    if name == "channels_last":
        x = x.permute(0, 1, 3, 4, 2).contiguous()
    net.train()
    with torch.no_grad():
        net(x.flatten(0, 1)) if any(isinstance(m, nn.BatchNorm2d) for m in net.modules()) else None
    return net.eval(), x, opset


def gradient(net, x, y, others=()):
    x = x.clone().requires_grad_()
    loss = F.cross_entropy(getattr(net, "logits", net)(x), y, reduction="sum")
    return torch.autograd.grad(loss, [x, *others])


def make(folder, path, names):
    os.makedirs(folder, exist_ok=True)
    for name in names or FAMILIES:
        net, x, opset = prepare(name, path)
        whole = name in PARAMETERS
        torch.onnx.export(
            net, x[0], os.path.join(folder, name + ".onnx"), opset_version=opset, do_constant_folding=not whole,
            training=torch.onnx.TrainingMode.PRESERVE if whole else torch.onnx.TrainingMode.EVAL,
            input_names=["image"], output_names=["result"], dynamic_axes={"image": {0: "batch"}, "result": {0: "batch"}},
        )
        y = torch.arange(BATCH) % CLASSES
        floats = [gradient(net, batch, y, net.parameters() if whole else ()) for batch in x]
        net = net.double()
        doubles = [gradient(net, batch.double(), y, net.parameters() if whole else ()) for batch in x]
        distance = lambda i: np.median([float((a[i] - b[i]).abs().max() / b[i].abs().max()) for a, b in zip(floats, doubles)])
        flips = sum(float((a[0][k] - b[0][k]).abs().max() / b[0][k].abs().max()) > 1e-4 for a, b in zip(floats, doubles) for k in range(BATCH))
        held = {"flips32": np.array(flips), "x": x.numpy(), "y": y.numpy(), "dx": torch.stack([d[0] for d in doubles]).numpy(), "dx32": np.array(distance(0))}
        if whole:
            for i, key in enumerate(dict(net.named_parameters())):
                held["d:" + key], held["d32:" + key] = doubles[0][i + 1].numpy(), np.array(distance(i + 1))
        np.savez(os.path.join(folder, name + ".npz"), **held)
        print(name, "float32 lies", held["dx32"], "from float64", flush=True)


def measure(folder, name, clock, settings):
    held = np.load(os.path.join(folder, name + ".npz"))
    torch.manual_seed(0)
    net, x, y = FAMILIES[name][0]().eval(), torch.tensor(held["x"]), torch.tensor(held["y"])
    best = float("inf")
    for threads in settings:
        torch.set_num_threads(threads)
        seconds = []
        for repeat in range(3):
            for batch in x if repeat else x[:2]:
                start = clock()
                gradient(net, batch, y)
                seconds.append(clock() - start)
        best = min(best, float(np.median(seconds[2:])))
    print(best * 1e3)


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "make":
        make(folder, rest[0], rest[1:])
    else:
        measure(folder, rest[0], *((time.process_time, (1,)) if command == "cpu" else (time.perf_counter, (1, 2))))
