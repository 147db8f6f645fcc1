"""How hard the drawn digits are, measured with PyTorch, an engine of its own.

    npx tsx bench/digits_export.ts digits.npz && python3 bench/digits_difficulty.py digits.npz

1. a linear softmax model must stay below 95 % test accuracy, a small CNN must go above 98 %;
2. the demo's network (conv16 4x4/2, conv32 4x4/2, fc100, fc10), trained normally, must fall to <= 10 % under PGD-20x5;
   trained by FGSM-RS for a few epochs it must keep >= 60 %.
"""

import argparse
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def demo_net():
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(1568, 100), nn.ReLU(), nn.Linear(100, 10),
    )


def small_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 100), nn.ReLU(), nn.Linear(100, 10),
    )


def one_cycle(progress, peak):
    return peak * min(progress / 0.4, (1 - progress) / 0.6)


def train(net, x, y, epochs, peak, epsilon=0.0, warmup=0.0, batch=100):
    """Adam with a triangular learning rate; with epsilon, FGSM from a uniform start (Wong et al. 2020), alpha = 1.25 epsilon.
    epsilon grows linearly over the first `warmup` fraction of the steps."""
    optimizer = torch.optim.Adam(net.parameters(), lr=peak)
    steps = epochs * (len(x) // batch)
    step = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            if len(rows) < batch:
                continue
            optimizer.param_groups[0]["lr"] = one_cycle((step + 0.5) / steps, peak)
            xb, yb = x[rows], y[rows]
            if epsilon:
                e = epsilon * min(1, (step + 1) / (warmup * steps)) if warmup else epsilon
                delta = torch.empty_like(xb).uniform_(-e, e).requires_grad_()
                (gradient,) = torch.autograd.grad(cross_entropy(net(xb + delta), yb), delta)
                delta = (delta + 1.25 * e * gradient.sign()).clamp(-e, e).detach()
                xb = (xb + delta).clamp(0, 1)
            optimizer.zero_grad()
            cross_entropy(net(xb), yb).backward()
            optimizer.step()
            step += 1
    return net


def accuracy(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def pgd_accuracy(net, x, y, epsilon, steps=20, restarts=1):
    alive = torch.ones(len(x), dtype=torch.bool)
    for _ in range(restarts):
        delta = torch.empty_like(x).uniform_(-epsilon, epsilon)
        for _ in range(steps):
            # Iterates lie in the box; a clamp inside the loss would kill the gradient where it saturates and weaken the attack.
            delta = ((x + delta).clamp(0, 1) - x).requires_grad_()
            (gradient,) = torch.autograd.grad(cross_entropy(net(x + delta), y, reduction="sum"), delta)
            delta = (delta + 2.5 * epsilon / steps * gradient.sign()).clamp(-epsilon, epsilon).detach()
        with torch.no_grad():
            alive &= net((x + delta).clamp(0, 1)).argmax(1) == y
    return alive.float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--eps", type=float, nargs="+", default=[0.1, 0.2, 0.3])
    parser.add_argument("--epochs", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--peak", type=float, default=5e-3)
    parser.add_argument("--warmup", type=float, default=0.3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--skip-clean", action="store_true")
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.set_num_threads(options.threads)
    data = np.load(options.file)
    x, xt = (torch.from_numpy(data[k]).float() / 255 for k in ("x_train", "x_test"))
    y, yt = (torch.from_numpy(data[k]).long() for k in ("y_train", "y_test"))
    for seed in range(options.seeds):
        torch.manual_seed(seed)
        if not options.skip_clean:
            print(f"seed {seed} linear {accuracy(train(linear(), x, y, 30, 3e-3), xt, yt):.4f}", flush=True)
            print(f"seed {seed} small CNN, 8 epochs {accuracy(train(small_cnn(), x, y, 8, 3e-3), xt, yt):.4f}", flush=True)
            net = train(demo_net(), x, y, 4, 5e-3)
            under = " ".join(f"{e}: {pgd_accuracy(net, xt[:500], yt[:500], e, restarts=5):.3f}" for e in options.eps)
            print(f"seed {seed} demo net, standard, 4 epochs: clean {accuracy(net, xt, yt):.4f}, PGD-20x5 at eps {under}", flush=True)
        for epsilon in options.eps:
            for epochs in options.epochs:
                start = time.time()
                net = train(demo_net(), x, y, epochs, options.peak, epsilon, options.warmup)
                seconds = time.time() - start
                robust = pgd_accuracy(net, xt[:500], yt[:500], epsilon, restarts=5)
                print(f"seed {seed} demo net, FGSM-RS eps {epsilon}, {epochs} epochs ({seconds:.0f} s): clean {accuracy(net, xt, yt):.4f}, PGD-20x5 {robust:.3f}", flush=True)


if __name__ == "__main__":
    main()
