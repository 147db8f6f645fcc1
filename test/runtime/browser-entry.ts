/** What the browser test runs on both sides: the gradients of a small network with data from keys. */
import * as g from "../../src/graph/index.ts";
import { compile, type Device, devices } from "../../src/runtime/index.ts";
import { cast, integers, key, normal, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";

const batch = 8;

/** Input and weight gradients of convolution, ReLU, pooling, linear and cross-entropy on a device (default: the environment's first). */
export async function gradients(device?: Device): Promise<Record<string, number[]>> {
  const x = g.input("x", [batch, 1, 12, 12]);
  const y = g.input("y", [batch], "int64");
  const weights = [g.input("w1", [16, 1, 3, 3]), g.input("w2", [16, 16, 3, 3]), g.input("w3", [256, 10])];
  const features = g.maxPool(g.relu(g.conv(g.relu(g.conv(x, weights[0])), weights[1])), 2);
  const logits = g.matMul(g.flatten(features), weights[2]);
  const loss = g.neg(g.sum(g.mul(g.logSoftmax(logits), g.oneHot(y, 10))));
  const [dx, ...dw] = g.grad(loss, [x, ...weights]);
  const [w1, w2, w3] = weights;
  const executable = await compile({ x, y, w1, w2, w3 }, { loss, dx, dw1: dw[0], dw2: dw[1], dw3: dw[2] }, { device });
  const draw = ({ shape }: g.Value, scale: number): Tensor => cast(normal(key(3).fold(...shape), shape, scale), "float32");
  const feeds = {
    x: draw(x, 1),
    y: tensor(integers(key(4), batch, 10), [batch], "int64"),
    w1: draw(w1, 0.5),
    w2: draw(w2, 0.1),
    w3: draw(w3, 0.1),
  };
  // Some into memory given for them.
  const result = await executable.run(feeds, { dx: zeros(x.shape), dw1: zeros(w1.shape) });
  await executable.release();
  return Object.fromEntries(Object.entries(result).map(([name, { data }]) => [name, Array.from(data as Float32Array)]));
}

Object.assign(globalThis, { gradients, devices });
