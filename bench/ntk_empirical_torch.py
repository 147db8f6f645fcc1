"""The PyTorch side of bench/ntk_empirical.ts: per-example gradients of each logit by functorch's vmap, and their Gram matrix, float32."""
import json
import sys
import time

import torch
from functorch import grad, make_functional, vmap

torch.set_flush_denormal(True)
torch.set_num_threads(int(sys.argv[1]))
nn = torch.nn
network = nn.Sequential(
    nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(1024, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10),
)
function, parameters = make_functional(network)


def logit(weights, x, chosen):
    return (function(weights, x[None])[0] * chosen).sum()


gradients = vmap(grad(logit), (None, 0, None))


def kernel(x, chunk):
    total = torch.zeros(len(x), len(x))
    for k in range(10):
        chosen = torch.zeros(10)
        chosen[k] = 1
        blocks = [torch.cat([g.reshape(len(part), -1) for g in gradients(parameters, part, chosen)], 1) for part in x.split(chunk)]
        jacobian = torch.cat(blocks)
        total += jacobian @ jacobian.T / 10
    return total


for line in sys.stdin:
    job = json.loads(line)
    if "weights" in job:
        parameters = tuple(torch.tensor(values).reshape(p.shape) for values, p in zip(job["weights"].values(), parameters))
        print("{}", flush=True)
        continue
    x = torch.tensor(job["x"]).reshape(job["n"], 1, 28, 28)
    begun = time.perf_counter()
    with torch.no_grad():
        result = kernel(x, job["chunk"])
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "kernel": result.tolist()}), flush=True)
