/** Inputs that are held for many runs: the same numbers as without, and what is said when they are not given as they must be. */
import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { architecture } from "../../src/models/index.ts";
import { splitHeld } from "../../src/runtime/held.ts";
import { compile } from "../../src/runtime/index.ts";
import { cast, key, type Tensor, tensor, uniform } from "../../src/tensor/index.ts";

const x = g.input("x", [2, 3]);
const w = g.input("w", [3]);
const v = g.input("v", [3]);
const e = g.exp(w);
const y = g.add(g.mul(x, e), v);
const feeds = { x: tensor([1, 2, 3, 4, 5, 6], [2, 3]) };
const held = { w: tensor([0, 1, 2]), v: tensor([1, 1, 1]) };

describe("held inputs", () => {
  it("are used by all runs until others are held, and what depends on them alone is not computed again", async () => {
    const program = await compile({ x, w, v }, { y, e, w }, { held: ["w", "v"] });
    await program.hold(held);
    const expected = ({ x: [...a], w: [...b] }: { x: Float32Array; w: Float32Array }) => a.map((n, i) => n * Math.exp(b[i % 3]) + 1);
    const first = await program.run(feeds);
    expect([...first.y.data].map(Number)).toEqual(expected({ x: feeds.x.data, w: held.w.data }).map((n) => expect.closeTo(n, 4)));
    expect([...first.e.data].map(Number)).toEqual([1, Math.E, Math.E ** 2].map((n) => expect.closeTo(n, 5)));
    expect([...first.w.data]).toEqual([0, 1, 2]);
    await program.hold({ ...held, w: tensor([1, 0, 0]) });
    const second = await program.run(feeds);
    expect([...second.y.data].map(Number)).toEqual(
      expected({ x: feeds.x.data, w: tensor([1, 0, 0]).data }).map((n) => expect.closeTo(n, 4)),
    );
    await program.release();
  });

  it("leave no work on them alone to the runs", () => {
    const { prepared, outputs } = splitHeld([y, g.reshape(e, [3, 1])], [w, v]);
    expect(prepared.map(({ operator }) => operator.name)).toEqual(["Exp"]);
    expect(g.topological(outputs).map(({ operator }) => operator.name)).not.toContain("Exp");
    expect(g.topological(outputs).at(-1)?.operator.name).toBe("Reshape");
  });

  it.each<[string, (p: Awaited<ReturnType<typeof opened>>) => Promise<unknown>, RegExp]>([
    ["never given", (p) => p.run(feeds), /the held inputs \("w", "v"\) were not given: call hold first/],
    ["given to run", (p) => p.hold(held).then(() => p.run({ ...feeds, w: held.w })), /input "w" is held: give it to hold/],
    ["not all there", (p) => p.hold({ w: held.w }), /input "v" was given no data/],
    ["others", (p) => p.hold({ ...held, x: feeds.x }), /there is no held input "x"; there are "w", "v"/],
    ["of a wrong shape", (p) => p.hold({ ...held, w: tensor([1, 2]) }), /input "w" is float32\[3\], but was given float32\[2\]/],
  ])("are refused when %s", async (_, act, message) => {
    const program = await opened();
    await expect(act(program)).rejects.toThrow(message);
    await program.release();
  });
  const opened = () => compile({ x, w, v }, { y }, { held: ["w", "v"] });

  it("must be inputs", async () => {
    await expect(compile({ x, w, v }, { y }, { held: ["u"] })).rejects.toThrow('there is no input "u"');
  });
});

it.each(["small-cnn", "preact-resnet-18", "mnist-fast"] as const)("%s has the same input gradient with held weights", async (name) => {
  const { network, weights } = architecture(name, name === "preact-resnet-18" ? { width: 16 } : {}).initialize(key(0));
  const shape = [4, ...network.inputShape];
  const image = g.input("image", shape);
  const own = Object.fromEntries(Object.entries(weights).map(([n, { shape: s }]) => [n, g.input(n, s)]));
  const { logits } = network.apply(image, own, "inference");
  const outputs = { gradient: g.grad(g.sum(g.mul(logits, logits)), image) };
  const data = { image: cast(uniform(key(1), shape), "float32") };
  const plain = await compile({ image, ...own }, outputs, { threads: 1, blocked: false });
  const kept = await compile({ image, ...own }, outputs, { threads: 1, held: Object.keys(own) });
  await kept.hold(weights as Record<string, Tensor>);
  const [a, b] = [await plain.run({ ...data, ...weights }), await kept.run(data)].map(({ gradient }) => gradient.data as Float32Array);
  const scale = Math.max(...a.map(Math.abs));
  expect(Math.max(...a.map((n, i) => Math.abs(n - b[i]))) / scale).toBeLessThan(2e-5);
  await Promise.all([plain.release(), kept.release()]);
});

it.each([
  { name: "2×2 pixels, each of which meets each", shape: [5, 128, 2, 2], kernel: [3, 3], options: { pads: 1 } },
  { name: "1×3 pixels, some too far apart to meet", shape: [5, 128, 1, 3], kernel: [3, 3], options: { pads: 1 } },
  { name: "1×4 pixels, strided", shape: [5, 128, 1, 4], kernel: [3, 3], options: { pads: 1, strides: 2 } },
  {
    name: "2×2 pixels, dilated, padded on one side",
    shape: [5, 128, 2, 2],
    kernel: [3, 3],
    options: { pads: [1, 0, 1, 4], dilations: [1, 2] },
  },
] as const)("convolutions of $name with many held or constant weights, and their input gradients", async ({ shape, kernel, options }) => {
  const [image, filter, bias] = [g.input("image", shape), g.input("filter", [1024, 128, ...kernel]), g.input("bias", [1024])];
  const data = { image: drawn(shape, 1), filter: drawn(filter.shape, 2), bias: drawn(bias.shape, 3) };
  // The image goes through a convolution before, so that the one that is looked at is in the layout.
  const first = g.constant(drawn([128, 128, 1, 1], 4));
  const outputs = (own: g.Value) => {
    const h = g.relu(g.conv(image, first));
    const convolved = g.conv(h, own, bias, options as Parameters<typeof g.conv>[3]);
    return { convolved, gradient: g.grad(g.sum(g.mul(convolved, g.sin(convolved))), image) };
  };
  const plain = await compile({ image, filter, bias }, outputs(filter), { blocked: false });
  const kept = await compile({ image, filter, bias }, outputs(filter), { held: ["filter"] });
  const fixed = await compile({ image, bias }, outputs(g.constant(data.filter)));
  await kept.hold({ filter: data.filter });
  const expected = await plain.run(data);
  for (const found of [await kept.run({ image: data.image, bias: data.bias }), await fixed.run({ image: data.image, bias: data.bias })])
    for (const part of ["convolved", "gradient"] as const) {
      const [a, b] = [expected[part].data as Float32Array, found[part].data as Float32Array];
      const scale = a.reduce((most, n) => Math.max(most, Math.abs(n)), 0);
      expect(a.reduce((most, n, i) => Math.max(most, Math.abs(n - b[i])), 0) / scale, part).toBeLessThan(1e-4);
    }
  await Promise.all([plain.release(), kept.release(), fixed.release()]);
});

const drawn = (shape: readonly number[], seed: number) => cast(uniform(key(seed), shape, -0.1, 0.1), "float32") as Tensor<"float32">;
