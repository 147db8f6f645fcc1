/** The proofs of `check` over random shapes, broadcasts, axes and window geometries. */
import fc from "fast-check";
import { expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { key, normal, sameShape, uniform } from "../../src/tensor/index.ts";
import { type Case, check, close } from "./check.ts";

const extent = fc.integer({ min: 1, max: 3 });
const shape = (minLength: number, maxLength: number) => fc.array(extent, { minLength, maxLength });
const draw = (label: string, of: readonly number[]) => normal(key(11).fold(label), of);
const sized = { numRuns: 30, seed: 19 };
const holds = <T>(arbitrary: fc.Arbitrary<T>, of: (drawn: T) => Case) =>
  fc.assert(
    fc.property(arbitrary, (drawn) => check(of(drawn), { batchSize: 2 })),
    sized,
  );

/** One axis of a window that fits: kernel, stride, dilation, pads and the input's extent. */
const axis = fc
  .record({
    kernel: extent,
    stride: extent,
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.nat(2),
    after: fc.nat(2),
    more: fc.nat(3),
  })
  .map(({ kernel, stride, dilation, before, after, more }) => {
    const reach = dilation * (kernel - 1);
    const pads = [Math.min(before, reach), Math.min(after, reach)];
    return { kernel, stride, dilation, pads, extent: Math.max(1, reach + 1 - pads[0] - pads[1]) + more };
  });
const geometry = fc.array(axis, { minLength: 1, maxLength: 2 }).map((axes) => ({
  spatial: axes.map((a) => a.extent),
  kernel: axes.map((a) => a.kernel),
  options: {
    strides: axes.map((a) => a.stride),
    dilations: axes.map((a) => a.dilation),
    pads: [...axes.map((a) => a.pads[0]), ...axes.map((a) => a.pads[1])],
  },
}));

it("convolutions of any geometry and grouping", () => {
  const channels = fc.record({
    examples: extent,
    groups: fc.integer({ min: 1, max: 2 }),
    inputs: fc.integer({ min: 1, max: 2 }),
    outputs: extent,
  });
  holds(fc.tuple(geometry, channels), ([{ spatial, kernel, options }, { examples, groups, inputs, outputs }]) => ({
    f: (x, w) => g.conv(x, w, undefined, { ...options, groups }),
    at: [draw("x", [examples, groups * inputs, ...spatial]), draw("w", [groups * outputs, inputs, ...kernel])],
  }));
});

it("pooling of any geometry", () => {
  const kind = fc.constantFrom<(x: g.Value, kernel: number[], options: g.PoolOptions) => g.Value>(
    g.maxPool,
    g.averagePool,
    (x, kernel, options) => g.averagePool(x, kernel, { ...options, countIncludePad: true }),
  );
  const fitting = fc.tuple(geometry, kind, fc.boolean()).filter(([{ spatial, kernel, options }, pool, ceil]) => {
    try {
      return pool(g.input("x", [1, 1, ...spatial]), kernel, { ...options, ceil }) !== undefined;
    } catch {
      return false;
    }
  });
  holds(fitting, ([{ spatial, kernel, options }, pool, ceil]) => ({
    f: (x) => pool(x, kernel, { ...options, ceil }),
    at: [draw("pooled", [2, 1, ...spatial])],
  }));
});

/** Two shapes that broadcast: some axes of each shrunk to 1, some leading ones left out. */
const pairOfShapes = (most: number) =>
  fc
    .record({ full: shape(1, most), ones: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 }), short: fc.nat(2) })
    .map(({ full, ones, short }) => [
      full.map((n, i) => (ones[i] === 1 ? 1 : n)),
      full.map((n, i) => (ones[i] === 2 ? 1 : n)).slice(Math.min(short, full.length)),
    ]);

it("arithmetic of any two shapes that broadcast", () => {
  const kinds = fc.constantFrom<(a: g.Value, b: g.Value) => g.Value>(g.add, g.sub, g.mul, g.div, g.pow, g.max, g.min, (a, b) =>
    g.where(g.less(a, b), a, g.square(b)),
  );
  holds(fc.tuple(pairOfShapes(3), kinds), ([[a, b], f]) => ({
    f,
    at: [uniform(key(1).fold("a"), a, 0.5, 2), uniform(key(1).fold("b"), b, 0.5, 2)],
  }));
});

it("matrix products over any batch axes that broadcast", () => {
  holds(fc.tuple(pairOfShapes(2), fc.tuple(extent, extent, extent)), ([[a, b], [m, k, n]]) => ({
    f: g.matMul,
    at: [draw("a", [...a, m, k]), draw("b", [...b, k, n])],
  }));
});

it("reductions over any axes", () => {
  const kinds = fc.constantFrom(g.reduceSum, g.reduceMean, g.reduceMax, g.reduceMin, g.reduceProd, g.logSumExp);
  holds(fc.tuple(shape(1, 3), kinds, fc.nat(7), fc.boolean(), fc.boolean()), ([of, reduce, mask, keepDimensions, negative]) => {
    const axes = of.flatMap((_, i) => ((mask >> i) & 1 ? [negative ? i - of.length : i] : []));
    return { f: (x) => reduce(x, axes, { keepDimensions }), at: [draw("reduced", of)] };
  });
});

it("slices with any starts and steps, transposes, pads, tiles", () => {
  const oneAxis = fc
    .record({ extent: fc.integer({ min: 1, max: 5 }), start: fc.nat(4), step: fc.constantFrom(-3, -2, -1, 1, 2, 3), taken: fc.nat(3) })
    .map(({ extent: n, start, step, taken }) => {
      const first = start % n;
      const most = Math.floor((step > 0 ? n - 1 - first : first) / Math.abs(step)) + 1;
      return { n, first, step, taken: Math.min(Math.max(taken, 1), most) };
    });
  holds(fc.tuple(fc.array(oneAxis, { minLength: 2, maxLength: 2 }), extent), ([axes, n]) => ({
    f: (x) => {
      const part = g.slice(x, { starts: axes.map((a) => a.first), steps: axes.map((a) => a.step), extents: axes.map((a) => a.taken) });
      return g.pad(g.tile(g.transpose(part), [n, 2]), { before: [n, 0], after: [0, n] });
    },
    at: [
      draw(
        "sliced",
        axes.map((a) => a.n),
      ),
    ],
  }));
});

/** A random expression: each letter applies an operator to the values made so far. */
const program = fc.array(fc.tuple(fc.nat(12), fc.nat(50), fc.nat(50)), { minLength: 3, maxLength: 14 });

it("rewriting keeps the numbers of any expression, and does not make it longer", () => {
  fc.assert(
    fc.property(program, (steps) => {
      const x = g.input("x", [2, 3], "float64");
      const values: g.Value[] = [
        x,
        g.constant(draw("c", [3])),
        g.expand(g.lift(1, x), [2, 3]),
        g.expand(g.lift(0, x), [1, 3]),
        g.lift(2, x),
      ];
      for (const [kind, i, j] of steps) {
        const [a, b] = [values[i % values.length], values[j % values.length]];
        const made = [
          () => g.add(a, b),
          () => g.mul(a, b),
          () => g.sub(a, b),
          () => g.neg(a),
          () => g.tanh(a),
          () => g.transpose(g.transpose(a)),
          () => g.reshape(g.reshape(a, [-1]), a.shape),
          () => g.expand(a, g.broadcastShapes(a.shape, [2, 3])),
          () => g.reduceSum(a, [], {}),
          () => g.where(g.less(a, b), a, b),
          () => g.div(a, 1),
          () => g.cast(g.cast(g.greater(a, b), "int64"), "float64"),
          () => g.mul(a, 0),
        ][kind]();
        values.push(made);
      }
      const loss = g.sum(g.tanh(values.at(-1) as g.Value));
      const outputs = [loss, g.grad(loss, x)];
      const simple = g.simplify(outputs);
      const feeds = { x: draw("x", [2, 3]) };
      close(g.evaluate(simple, feeds), g.evaluate(outputs, feeds), 1e-12, "simplified");
      expect(simple.every((y, i) => sameShape(y.shape, outputs[i].shape) && y.dtype === outputs[i].dtype)).toBe(true);
      expect(g.topological(simple).length).toBeLessThanOrEqual(g.topological(outputs).length);
    }),
    { numRuns: 300, seed: 23 },
  );
});
