/** The wide residual network: its size as published, its shapes, its start, and its gradients in a tiny version. */
import { expect, it } from "vitest";
import { crossEntropy, evaluate, grad, input, sum, type Value } from "../../src/graph/index.ts";
import { architecture } from "../../src/models/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { cast, key, normal, size, type Tensor, tensor, uniform } from "../../src/tensor/index.ts";

it.each([
  [34, 10, 46_160_474],
  [28, 10, 36_479_194],
])("WRN-%i-%i has its published number of parameters", (depth, width, published) => {
  const { weights } = architecture("wide-resnet-34-10", { depth, width });
  const trained = Object.values(weights).filter(({ role }) => role === "trained");
  expect(trained.reduce((total, { shape }) => total + size(shape), 0)).toBe(published);
});

it("halves the picture twice and ends in one logit per class; other depths are refused", () => {
  const { weights, apply } = architecture("wide-resnet-34-10", { depth: 16, width: 2, classes: 7 });
  const kernels = Object.entries(weights).filter(([name, { shape }]) => shape.length === 4 && !name.includes("shortcut"));
  expect(kernels.map(([, { shape }]) => shape[0])).toEqual([
    16,
    ...[32, 64, 128].flatMap((channels) => [channels, channels, channels, channels]),
  ]);
  const values = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, input(name, shape)]));
  expect(apply(input("x", [5, 3, 32, 32]), values).logits.shape).toEqual([5, 7]);
  for (const depth of [4, 12, 34.5]) expect(() => architecture("wide-resnet-34-10", { depth })).toThrow("10, 16, 22, … layers (6n + 4)");
});

it("draws kernels with variance 2/fan-out", () => {
  const { weights } = architecture("wide-resnet-34-10", { depth: 10, width: 4 }).initialize(key(1));
  for (const [name, { data, shape }] of Object.entries(weights).filter(([, one]) => one.shape.length === 4)) {
    const variance = (data as Float32Array).reduce((total, w) => total + w * w, 0) / data.length;
    // The relative deviation of a sample variance of n normal numbers is √(2/n).
    expect(Math.abs((variance * shape[0] * shape[2] * shape[3]) / 2 - 1), name).toBeLessThan(4 * Math.sqrt(2 / data.length));
  }
});

it.each(["inference", "training"] as const)("has the gradients of central differences in %s mode", async (mode) => {
  const net = architecture("wide-resnet-34-10", { depth: 10, width: 1, inputShape: [2, 6, 6], classes: 3 });
  const { weights } = net.initialize(key(2));
  const at = (dtype: "float32" | "float64") => {
    const values = Object.fromEntries(Object.keys(weights).map((name) => [name, input(name, weights[name].shape, dtype)]));
    const x = input("x", [3, 2, 6, 6], dtype);
    const labels = input("labels", [3], "int32");
    const loss = sum(crossEntropy(net.apply(x, values, mode).logits, labels));
    const variables = { x, ...Object.fromEntries(Object.entries(values).filter(([name]) => net.weights[name].role === "trained")) };
    return { loss, variables, inputs: { x, labels, ...values } };
  };
  const { loss, variables } = at("float64");
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(Object.entries(weights).map(([name, one]) => [name, cast(one, "float64")])),
    x: uniform(key(3), [3, 2, 6, 6]),
    labels: tensor([0, 2, 1], [3], "int32"),
  };
  const names = Object.keys(variables) as (keyof typeof variables)[];
  const gradients = evaluate(grad(loss, Object.values(variables) as Value[]), feeds);
  const step = 1e-6;
  for (const [k, name] of names.entries()) {
    const direction = normal(key(4).fold(name), feeds[name].shape);
    const shifted = (by: number) => {
      const data = Float64Array.from(feeds[name].data as Float64Array, (v, i) => v + by * direction.data[i]);
      return evaluate([loss], { ...feeds, [name]: { ...feeds[name], data } as Tensor })[0].data[0];
    };
    const slope = gradients[k].data.reduce((total, g, i) => total + g * direction.data[i], 0);
    const scale = Math.sqrt(gradients[k].data.reduce((total, g) => total + g * g, 0)) + 1e-3;
    expect(Math.abs((shifted(step) - shifted(-step)) / (2 * step) - slope) / scale, name).toBeLessThan(1e-5);
  }
  const single = at("float32");
  const asked = Object.fromEntries(names.map((name) => [name, grad(single.loss, [single.variables[name]])[0]]));
  const executable = await compile(single.inputs, asked, { threads: 1 });
  const found = await executable.run(
    Object.fromEntries(Object.entries(feeds).map(([name, one]) => [name, one.dtype === "int32" ? one : cast(one, "float32")])),
  );
  for (const [k, name] of names.entries()) {
    const largest = Math.max(...gradients[k].data.map(Math.abs), 1e-3);
    gradients[k].data.forEach((g, i) => {
      expect(Math.abs(Number(found[name].data[i]) - g) / largest, name).toBeLessThan(1e-4);
    });
  }
  await executable.release();
});
