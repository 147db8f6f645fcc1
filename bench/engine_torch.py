"""The PyTorch side of bench/engine.ts: builds the same networks and times the steps it is asked for, one JSON line each way.

    python3 bench/engine_torch.py THREADS wall|cpu
    python3 bench/engine_torch.py export NETWORK FILE    writes the network as an ONNX file with its parameters untouched
"""
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_flush_denormal(True)
torch.manual_seed(0)


def small_cnn():
    features = []
    for channels, outputs, pool in [(1, 32, 0), (32, 32, 1), (32, 64, 0), (64, 64, 1)]:
        features += [nn.Conv2d(channels, outputs, 3), nn.ReLU()] + ([nn.MaxPool2d(2)] if pool else [])
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(1024, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10))


def mnist_fast():
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 49, 100), nn.ReLU(), nn.Linear(100, 10))


def cnn_8():
    layers, channels = [], 3
    for outputs in (64, 128, 196):
        for _ in range(2):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(196 * 16, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 10))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False) if stride != 1 else None

    def forward(self, x):
        h = F.relu(self.norm1(x))
        return self.conv2(F.relu(self.norm2(self.conv1(h)))) + (self.shortcut(h) if self.shortcut else x)


def preact_resnet(width=16):
    blocks, channels = [], width
    for factor in (1, 2, 4, 8):
        for i in range(2):
            blocks.append(Block(channels, factor * width, 2 if factor > 1 and i == 0 else 1))
            channels = factor * width
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1, bias=False), *blocks, nn.BatchNorm2d(channels), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def resnet_18():
    import torchvision

    return torchvision.models.resnet18(num_classes=10)


networks = {"small-cnn": small_cnn, "mnist-fast": mnist_fast, "cnn-8": cnn_8, "preact-resnet-18": preact_resnet, "resnet-18-imported": resnet_18}
shapes = {"small-cnn": (1, 28, 28), "mnist-fast": (1, 28, 28), "resnet-18-imported": (3, 64, 64)}
built = {}


def network(name, batch, training):
    key = (name, batch)
    if key not in built:
        net = networks[name]()
        shape = (batch, *shapes.get(name, (3, 32, 32)))
        built[key] = (net, torch.rand(shape), torch.randint(10, (batch,)), torch.optim.SGD(net.parameters(), lr=0.01))
    built[key][0].train(training)
    return built[key]


def pgd(net, x, y, steps, epsilon=0.3, alpha=0.01):
    attacked = x
    for _ in range(steps):
        attacked = attacked.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(F.cross_entropy(net(attacked), y, reduction="sum"), attacked)
        with torch.no_grad():
            attacked = torch.clamp(torch.min(torch.max(attacked + alpha * gradient.sign(), x - epsilon), x + epsilon), 0, 1)
    return attacked.detach()


def attack(name, batch):
    net, x, y, _ = network(name, batch, False)
    for p in net.parameters():
        p.requires_grad_(False)
    pgd(net, x, y, 1)
    for p in net.parameters():
        p.requires_grad_(True)


def train(name, batch, steps):
    """Adversarial examples of the network in evaluation mode, then one step of SGD in training mode (imported networks stay in evaluation mode)."""
    net, x, y, optimizer = network(name, batch, False)
    for p in net.parameters():
        p.requires_grad_(False)
    attacked = pgd(net, x, y, steps) if steps else x
    for p in net.parameters():
        p.requires_grad_(True)
    net.train(name != "resnet-18-imported")
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(net(attacked), y).backward()
    optimizer.step()


if sys.argv[1] == "export":
    net = networks[sys.argv[2]]().eval()
    torch.onnx.export(
        net, torch.rand((1, *shapes[sys.argv[2]])), sys.argv[3], opset_version=13, do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE, input_names=["image"], output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )
    sys.exit()

torch.set_num_threads(int(sys.argv[1]))
clock = time.process_time if sys.argv[2] == "cpu" else time.perf_counter
for line in sys.stdin:
    job = json.loads(line)
    for _ in range(job["warm"]):
        attack(job["network"], job["batch"]) if job["kind"] == "attack" else train(job["network"], job["batch"], job["steps"])
    times = []
    for _ in range(job["runs"]):
        start = clock()
        attack(job["network"], job["batch"]) if job["kind"] == "attack" else train(job["network"], job["batch"], job["steps"])
        times.append((clock() - start) * 1e3)
    print(json.dumps(times), flush=True)
