"""The official AutoAttack on the weights and images of `autoattack.ts`. Reads a folder, prints one line of JSON per seed.

usage: autoattack.py FOLDER CHECKOUT NORM EPSILON SEED THREADS
"""
import json, sys, time
import numpy as np
import torch
from torch import nn

folder, checkout, norm, epsilon, seed, threads = sys.argv[1:7]
sys.path.insert(0, checkout)
from autoattack import AutoAttack

torch.set_num_threads(int(threads))
torch.set_flush_denormal(True)
arrays = np.load(f"{folder}/weights.npz")
model = nn.Sequential(
    nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(),
    nn.Flatten(), nn.Linear(32 * 49, 100), nn.ReLU(), nn.Linear(100, 10))
layers = [layer for layer in model if hasattr(layer, "weight")]
for name, layer in zip(["conv1", "conv2", "fc1", "fc2"], layers):
    layer.weight.data = torch.tensor(arrays[f"{name}.weight"]).reshape(layer.weight.shape)
    layer.bias.data = torch.tensor(arrays[f"{name}.bias"]).reshape(layer.bias.shape)
model.eval()
data = np.load(f"{folder}/data.npz")
x, y = torch.tensor(data["x"]), torch.tensor(data["y"]).long()
with torch.no_grad():
    assert float((model(x) - torch.tensor(data["logits"])).abs().max()) < 1e-3, "the two models differ"
adversary = AutoAttack(model, norm=norm, eps=float(epsilon), version="standard", device="cpu", verbose=False, seed=int(seed))
began, cpu = time.time(), time.process_time()
points = adversary.run_standard_evaluation(x, y, bs=256)
seconds, cpu = time.time() - began, time.process_time() - cpu
with torch.no_grad():
    standing = int((model(points).argmax(1) == y).sum())
print(json.dumps({"seed": int(seed), "standing": standing, "seconds": round(seconds, 1), "processor": round(cpu, 1)}), flush=True)
