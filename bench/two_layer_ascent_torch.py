"""The PyTorch side of bench/two_layer_ascent.ts: projected gradient ascent on a two-layer tanh network, all inputs in one product."""
import json
import sys
import time

import torch

torch.set_flush_denormal(True)
torch.set_num_threads(int(sys.argv[1]))


def ascend(x, y, w, a, radius, step_size, steps):
    delta = torch.zeros_like(x)
    for _ in range(steps):
        delta.requires_grad_()
        loss = (0.5 * (torch.tanh((x + delta) @ w) @ a - y) ** 2).sum()
        (slope,) = torch.autograd.grad(loss, delta)
        with torch.no_grad():
            delta = delta + step_size * slope
            delta = delta * (radius / delta.norm(dim=1, keepdim=True)).clamp(max=1)
    return delta.detach()


for line in sys.stdin:
    job = json.loads(line)
    if "x" in job:
        dtype = getattr(torch, job["dtype"])
        n, d, m = job["inputs"], job["d"], job["m"]
        x = torch.tensor(job["x"], dtype=dtype).reshape(n, d)
        y = torch.tensor(job["y"], dtype=dtype)
        w = torch.tensor(job["w"], dtype=dtype).reshape(d, m)
        a = torch.tensor(job["a"], dtype=dtype)
        settings = (job["radius"], job["stepSize"])
        print(json.dumps(ascend(x, y, w, a, *settings, job["steps"]).flatten().tolist()), flush=True)
    else:
        begun = time.perf_counter()
        ascend(x, y, w, a, *settings, job["steps"])
        print(json.dumps((time.perf_counter() - begun) * 1000), flush=True)
