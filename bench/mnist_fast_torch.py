"""The MNIST recipe of "Fast is better than free" in PyTorch, beside `saddle train`: same network, data, schedule and attack.

    python3 bench/mnist_fast_torch.py --data-dir DATA --seeds 0 1 2 [--defense pgd --rate 2e-3]

Prints one JSON line per seed: clean accuracy and accuracy under PGD-50x10 on all test images, with wall times. With --export FOLDER the
attack is left to `saddle evaluate FOLDER/fgsm-rs-0.onnx --data mnist --eps 0.3 --restarts 10`, one attack for both, and several times as fast.
"""

import argparse
import gzip
import json
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy


def images(folder, part):
    with gzip.open(os.path.join(folder, f"{part}-images-idx3-ubyte.gz")) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz")) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return torch.from_numpy(pixels.copy()).float() / 255, torch.from_numpy(labels.copy()).long()


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(1568, 100), nn.ReLU(), nn.Linear(100, 10),
    )


def gradient_sign(net, point, labels):
    point = point.detach().requires_grad_()
    return torch.autograd.grad(cross_entropy(net(point), labels, reduction="sum"), point)[0].sign()


def fgsm_rs(net, x, y, epsilon):
    delta = torch.empty_like(x).uniform_(-epsilon, epsilon)
    delta = (delta + 1.25 * epsilon * gradient_sign(net, x + delta, y)).clamp(-epsilon, epsilon)
    return (x + delta).clamp(0, 1)


def pgd(net, x, y, epsilon, steps):
    point = (x + torch.empty_like(x).uniform_(-epsilon, epsilon)).clamp(0, 1)
    for _ in range(steps):
        point = point + 2.5 * epsilon / steps * gradient_sign(net, point, y)
        point = torch.max(torch.min(point, x + epsilon), x - epsilon).clamp(0, 1)
    return point


def train(x, y, defense, epochs, rate, epsilon, steps, batch=100):
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    per_epoch = len(x) // batch
    for epoch in range(epochs):
        order = torch.randperm(len(x))
        for i in range(per_epoch):
            t = epoch + (i + 1) / per_epoch
            optimizer.param_groups[0]["lr"] = float(np.interp(t, [0, 0.4 * epochs, epochs], [0, rate, 0]))
            rows = order[i * batch : (i + 1) * batch]
            point = fgsm_rs(net, x[rows], y[rows], epsilon) if defense == "fgsm-rs" else pgd(net, x[rows], y[rows], epsilon, steps)
            optimizer.zero_grad()
            cross_entropy(net(point), y[rows]).backward()
            optimizer.step()
    return net


def correct(net, x, y):
    with torch.no_grad():
        return net(x).argmax(1) == y


def attacked(net, x, y, epsilon, steps=50, restarts=10, batch=500):
    """Share that stands at every iterate of every restart; an example that was broken is not attacked by the next restart."""
    standing = 0
    for xb, yb in zip(x.split(batch), y.split(batch)):
        alive = correct(net, xb, yb)
        for _ in range(restarts):
            rows = alive.nonzero().squeeze(1)
            if len(rows) == 0:
                break
            point = (xb[rows] + torch.empty_like(xb[rows]).uniform_(-epsilon, epsilon)).clamp(0, 1)
            held = torch.ones(len(rows), dtype=torch.bool)
            for step in range(steps + 1):
                point.requires_grad_()
                logits = net(point)
                held &= logits.argmax(1) == yb[rows]
                if step == steps:
                    break
                sign = torch.autograd.grad(cross_entropy(logits, yb[rows], reduction="sum"), point)[0].sign()
                point = point.detach() + 2.5 * epsilon / steps * sign
                point = torch.max(torch.min(point, xb[rows] + epsilon), xb[rows] - epsilon).clamp(0, 1)
            alive[rows] = held
        standing += int(alive.sum())
    return standing / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--defense", choices=["fgsm-rs", "pgd"], default="fgsm-rs")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--epsilon", type=float, default=0.3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export", metavar="FOLDER", help="write the networks as ONNX files there instead of attacking them")
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.set_num_threads(options.threads)
    folder = os.path.join(options.data_dir, "mnist")
    x, y = images(folder, "train")
    xt, yt = images(folder, "t10k")
    for seed in options.seeds:
        torch.manual_seed(seed)
        start = time.time()
        net = train(x, y, options.defense, options.epochs, options.rate, options.epsilon, options.steps)
        trained = time.time()
        result = {"seed": seed, "defense": options.defense, "trainingSeconds": round(trained - start, 1)}
        if options.export:
            path = os.path.join(options.export, f"{options.defense}-{seed}.onnx")
            torch.onnx.export(net, xt[:1], path, input_names=["input"], output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
        else:
            clean = correct(net, xt, yt).float().mean().item()
            robust = attacked(net, xt, yt, options.epsilon)
            result |= {"clean": round(clean, 4), "robust": round(robust, 4), "attackSeconds": round(time.time() - trained, 1)}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
