"""The PyTorch side of bench/sde_paths.ts: Euler-Maruyama of the order-1 SDE of adversarial training, all paths in batched products."""
import json
import sys
import time

import torch

torch.set_flush_denormal(True)
torch.set_num_threads(int(sys.argv[1]))


def losses(parameters, x, y):
    W, b, a = parameters
    return 0.5 * (torch.bmm(torch.tanh(torch.baddbmm(b, x, W)), a).squeeze(-1) - y) ** 2


def direction(parameters, x, y, w, alpha, K):
    """Sum over examples of w times the adversarial direction, for every path: one weighted backward pass after K ascent steps."""
    frozen = [p.detach() for p in parameters]
    for _ in range(K):
        at = x.detach().requires_grad_()
        x = at.detach() + alpha * torch.autograd.grad(losses(frozen, at, y).sum(), at)[0]
    live = [p.requires_grad_() for p in frozen]
    return torch.autograd.grad((losses(live, x, y) * w).sum(), live)


def step(parameters, x, y, s):
    N, dt = x.shape[1], s["dt"]
    dW = torch.randn(x.shape[0], N) * dt**0.5
    w = dt / N - (s["eta"] / (s["batch"] * N)) ** 0.5 * (dW - dW.mean(1, keepdim=True))
    with torch.no_grad():
        moved = [p.clone() for p in parameters]
    for p, g in zip(moved, direction(parameters, x, y, w, s["alpha"], s["K"])):
        p -= g
    return moved


for line in sys.stdin:
    job = json.loads(line)
    if "x" in job:
        settings = job
        torch.set_default_dtype(getattr(torch, job["precision"]))
        P, N, d, m = job["paths"], job["N"], job["d"], job["width"]
        x = torch.tensor(job["x"]).reshape(1, N, d).expand(P, N, d).contiguous()
        y = torch.tensor(job["y"])
        theta = torch.tensor(job["theta"])
        start = [theta[:, : d * m].reshape(P, d, m), theta[:, d * m : d * m + m].reshape(P, 1, m), theta[:, d * m + m :].reshape(P, m, 1)]
        start = [p.contiguous() for p in start]
        found = direction(start, x, y, torch.full((P, N), 1 / N), job["alpha"], job["K"])
        print(json.dumps(torch.cat([g.reshape(P, -1) for g in found], 1)[:3].tolist()), flush=True)
    else:
        parameters = start
        begun = time.perf_counter()
        for _ in range(job["steps"]):
            parameters = step(parameters, x, y, settings)
        print(json.dumps([(time.perf_counter() - begun) * 1000 / job["steps"]]), flush=True)
