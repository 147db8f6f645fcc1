import { describe, expect, it } from "vitest";
import { foscAlongPgd } from "../../src/analysis/fosc.ts";
import { type Ball, fosc, foscOf, modelOracle, type Norm, randomPoint } from "../../src/attacks/index.ts";
import { evaluate, input } from "../../src/graph/index.ts";
import { assemble, linear, sequential } from "../../src/models/index.ts";
import { type Key, key, tensor, uniform } from "../../src/tensor/index.ts";

const root = key(21);
const norms = ["linf", "l2", "l1"] as const;
type BallNorm = (typeof norms)[number];

interface Case {
  ball: Ball & { center: Float64Array; low: number; high: number };
  x: Float64Array;
  g: Float64Array;
}

/** A ball around a point of the unit box, a point of ball ∩ box, and a gradient. */
function draw(norm: BallNorm, source: Key, d = 5): Case {
  const epsilon = 0.1 + 0.5 * uniform(source.fold("epsilon"), [1]).data[0];
  const center = uniform(source.fold("center"), [d]).data;
  const inside = { norm, epsilon, center: Float32Array.from(center), low: new Float32Array(d), high: new Float32Array(d).fill(1) };
  const x = Float64Array.from(randomPoint(inside, source.fold("x")));
  return { ball: { norm, epsilon, center, low: 0, high: 1 }, x, g: uniform(source.fold("g"), [d], -1, 1).data };
}

/** max ⟨z, g⟩ over ball ∩ box by its dual, min over λ of λ·(size of the ball) + what the box allows beyond: a second road to the same number. */
function dualMaximum({ ball: { norm, epsilon, center }, g }: Case): number {
  const rooms = Array.from(g, (slope, i) => (slope > 0 ? 1 - center[i] : center[i]));
  const dual = (λ: number): number => {
    if (norm === "l1") return λ * epsilon + rooms.reduce((total, room, i) => total + room * Math.max(Math.abs(g[i]) - λ, 0), 0);
    // L2: max over 0 ≤ δ ≤ room of |g|δ − λδ²/2, plus λε²/2.
    return rooms.reduce(
      (total, room, i) => {
        const δ = Math.min(room, Math.abs(g[i]) / λ);
        return total + Math.abs(g[i]) * δ - (λ / 2) * δ * δ;
      },
      (λ / 2) * epsilon ** 2,
    );
  };
  // Convex in λ: golden-section search on a logarithm, which contains every minimum.
  let [low, high] = [Math.log(1e-9), Math.log(1e3)];
  const ratio = (Math.sqrt(5) - 1) / 2;
  for (let i = 0; i < 200; i++) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (dual(Math.exp(a)) < dual(Math.exp(b))) high = b;
    else low = a;
  }
  return dual(Math.exp((low + high) / 2));
}

describe("closed forms", () => {
  it("L∞: every corner of the ball, and of ball ∩ box", () => {
    for (let i = 0; i < 40; i++) {
      const { ball, x, g } = draw("linf", root.fold("corners", i), 2 + (i % 11));
      for (const box of [false, true]) {
        let best = Number.NEGATIVE_INFINITY;
        for (let corner = 0; corner < 2 ** x.length; corner++) {
          const gained = x.reduce((total, v, j) => {
            const z = ball.center[j] + ((corner >> j) & 1 ? ball.epsilon : -ball.epsilon);
            return total + ((box ? Math.min(Math.max(z, 0), 1) : z) - v) * g[j];
          }, 0);
          best = Math.max(best, gained);
        }
        expect(foscOf(ball, x, g, { box })).toBeCloseTo(best, 12);
      }
    }
  });
  it("L1: the 2d vertices of the ball", () => {
    for (let i = 0; i < 40; i++) {
      const { ball, x, g } = draw("l1", root.fold("vertices", i));
      const inner = x.reduce((total, v, j) => total + (v - ball.center[j]) * g[j], 0);
      const best = Math.max(...Array.from(g, (slope) => ball.epsilon * Math.abs(slope)));
      expect(foscOf(ball, x, g)).toBeCloseTo(best - inner, 12);
    }
  });
  it("L2: attained at x⁰ + εg/‖g‖, and nowhere exceeded", () => {
    for (let i = 0; i < 40; i++) {
      const { ball, x, g } = draw("l2", root.fold("sphere", i));
      const c = foscOf(ball, x, g);
      const length = Math.hypot(...g);
      const gain = (z: ArrayLike<number>) => x.reduce((total, v, j) => total + (z[j] - v) * g[j], 0);
      expect(gain(ball.center.map((v, j) => v + (ball.epsilon * g[j]) / length))).toBeCloseTo(c, 12);
      for (let k = 0; k < 200; k++) {
        const u = uniform(root.fold("direction", i, k), [x.length], -1, 1).data;
        expect(gain(ball.center.map((v, j) => v + (ball.epsilon * u[j]) / Math.hypot(...u)))).toBeLessThanOrEqual(c + 1e-12);
      }
    }
  });
  it.each(["l2", "l1"] as const)("%s in the box: the dual problem's value", (norm) => {
    let bound = 0;
    for (let i = 0; i < 60; i++) {
      const drawn = draw(norm, root.fold("box", norm, i));
      const inner = drawn.x.reduce((total, v, j) => total + (v - drawn.ball.center[j]) * drawn.g[j], 0);
      const c = foscOf(drawn.ball, drawn.x, drawn.g, { box: true });
      expect(c).toBeCloseTo(dualMaximum(drawn) - inner, 7);
      if (c < foscOf(drawn.ball, drawn.x, drawn.g) - 1e-9) bound++;
    }
    expect(bound).toBeGreaterThan(10);
  });
});

describe.each(norms)("the gap in %s", (norm) => {
  it("is not negative on the set, and smaller in the box", () => {
    for (let i = 0; i < 100; i++) {
      const { ball, x, g } = draw(norm, root.fold("sign", i));
      const [paper, boxed] = [foscOf(ball, x, g), foscOf(ball, x, g, { box: true })];
      expect(boxed).toBeGreaterThanOrEqual(-1e-7);
      expect(paper).toBeGreaterThanOrEqual(boxed - 1e-12);
    }
  });
  it("is homogeneous in the gradient, and zero without one", () => {
    const { ball, x, g } = draw(norm, root.fold("scale"));
    const scaled = foscOf(
      ball,
      x,
      g.map((v) => 3 * v),
    );
    expect(scaled).toBeCloseTo(3 * foscOf(ball, x, g), 12);
    expect(foscOf(ball, x, new Float64Array(g.length), { box: true })).toBe(0);
  });
  it("is the same number as a graph", () => {
    for (const box of norm === "linf" ? [false, true] : [false]) {
      const drawn = Array.from({ length: 4 }, (_, i) => draw(norm, root.fold("graph", i)));
      const ball = { ...drawn[0].ball };
      const rows = (of: (item: Case) => Float64Array) =>
        tensor(Float64Array.from(drawn.flatMap((item) => [...of(item)])), [4, 5], "float64");
      const [x, center, gradient] = ["x", "center", "gradient"].map((name) => input(name, [4, 5], "float64"));
      const value = fosc(x, center, gradient, { norm, epsilon: ball.epsilon, box: box ? { low: 0, high: 1 } : undefined });
      const feeds = { x: rows((item) => item.x), center: rows((item) => item.ball.center), gradient: rows((item) => item.g) };
      const [found] = evaluate([value], feeds);
      drawn.forEach((item, i) => {
        const own = { ...item.ball, epsilon: ball.epsilon };
        expect(found.data[i]).toBeCloseTo(foscOf(own, item.x, item.g, { box }), 12);
      });
    }
  });
});

it("at x⁰ + ε·sign(g) the gap in L∞ is zero, also where the gradient is", () => {
  const ball = { norm: "linf" as Norm, epsilon: 0.25, center: [0.5, 0.5, 0.5], low: 0, high: 1 };
  expect(foscOf(ball, [0.75, 0.25, 0.6], [2, -3, 0])).toBe(0);
  expect(foscOf(ball, [0.75, 0.75, 0.6], [2, -3, 0])).toBeCloseTo(1.5, 12);
});

it("along PGD on a linear model the gap closes by α‖g‖ at every step, and is zero in the corner", async () => {
  const model = assemble("linear", sequential(linear(2)), { inputShape: [6], classes: 2 }).initialize(root);
  const oracle = modelOracle(model, { threads: 1, batchSize: 8 });
  const x = tensor(uniform(root.fold("inputs"), [20, 6], 0.4, 0.6).data, [20, 6]);
  const labels = Array.from({ length: 20 }, (_, i) => i % 2);
  const trace = await foscAlongPgd(
    oracle,
    { x, labels },
    { norm: "linf", epsilon: 0.2, steps: 6, stepSize: 0.05, randomStart: false, key: root },
  );
  await oracle.release();
  expect(trace.length).toBe(7);
  trace.forEach(({ relative, fosc: gaps, foscInBox, loss }, step) => {
    for (let i = 0; i < 20; i++) {
      // The sign of the gradient is the same everywhere: after k steps the point is k·α from the center.
      expect(relative[i]).toBeCloseTo(Math.max(1 - 0.25 * step, 0), 5);
      expect(foscInBox[i]).toBeCloseTo(gaps[i], 6);
      if (step > 0) expect(loss[i]).toBeGreaterThanOrEqual(trace[step - 1].loss[i]);
    }
  });
});
