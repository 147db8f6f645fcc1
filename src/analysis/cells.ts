/**
 * The activation cell of an example: the neighbourhood in which a piecewise linear network is affine. Its walls are where an activation switches, and
 * with the network's own affine map inside the cell, the distance to wall j in ℓ_p is |s_j|/‖∇s_j‖_{p*}; the nearest wall's is exact.
 */
import { conjugate, type Exponent, rowNorm } from "../attacks/index.ts";
import {
  atLabel,
  concat,
  dependents,
  describe,
  flatten,
  GraphError,
  grad,
  input,
  slice,
  sub,
  sum,
  topological,
  type Value,
} from "../graph/index.ts";
import type { Model } from "../models/index.ts";
import { type CompileOptions, compile } from "../runtime/index.ts";
import { type FloatDType, size, tensor, toFloat64 } from "../tensor/index.ts";
import { isAffine } from "./spectral.ts";

export interface CellDistance {
  /** Distance to the nearest wall in ℓ_p; infinite where the network is affine everywhere. */
  readonly distance: number;
  /** Number of walls looked at, and of all. */
  readonly examined: number;
  readonly walls: number;
}

export interface CellOptions extends CompileOptions {
  p: Exponent;
  dtype?: FloatDType;
  /** Walls per call of the engine. */
  block?: number;
  /** Look only at so many walls per example, those whose switches are nearest to zero: the distance is then an upper bound. Default: all. */
  limit?: number;
}

/**
 * The distance of each point x [N, n] to the boundary of its cell. Every wall costs one backward derivative of one example.
 * @throws GraphError when the network is not piecewise linear.
 */
export async function cellDistances(
  { network, weights }: Model,
  x: Float64Array,
  { p, dtype = "float32", block = 128, limit, ...runtime }: CellOptions,
): Promise<CellDistance[]> {
  const n = size(network.inputShape);
  const count = x.length / n;
  const symbols = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, dtype)]));
  const own = Object.fromEntries(Object.entries(weights).map(([name, { data, shape }]) => [name, tensor(data, shape, dtype)]));
  const batch = block;
  const shape = [batch, ...network.inputShape];
  const [points, wall] = [input("points", shape, dtype), input("wall", [batch], "int32")];
  const switches = switchesOf(network.apply(points, symbols).logits, points);
  if (!switches) return Array.from({ length: count }, () => ({ distance: Number.POSITIVE_INFINITY, examined: 0, walls: 0 }));
  const walls = switches.shape[1];
  const chosen = atLabel(switches, wall);
  const slope = rowNorm(flatten(grad(sum(chosen), points)), conjugate(p));
  const values = await compile({ ...symbols, points }, { switches }, runtime);
  const one = await compile({ ...symbols, points, wall }, { chosen, slope }, runtime);

  const rowsOf = (indices: readonly number[]) =>
    tensor(
      Float64Array.from({ length: batch * n }, (_, i) => x[indices[Math.min(Math.floor(i / n), indices.length - 1)] * n + (i % n)]),
      shape,
      dtype,
    );
  const jobs: { example: number; wall: number }[] = [];
  for (let start = 0; start < count; start += batch) {
    const indices = Array.from({ length: Math.min(batch, count - start) }, (_, i) => start + i);
    const found = toFloat64((await values.run({ ...own, points: rowsOf(indices) })).switches);
    for (const [i, example] of indices.entries()) {
      const order = Array.from({ length: walls }, (_, j) => j);
      const magnitude = (j: number) => Math.abs(found[i * walls + j]);
      if (limit !== undefined && limit < walls) order.sort((a, b) => magnitude(a) - magnitude(b));
      for (const j of order.slice(0, limit)) jobs.push({ example, wall: j });
    }
  }
  const nearest = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (let start = 0; start < jobs.length; start += batch) {
    const some = jobs.slice(start, start + batch);
    const feeds = {
      points: rowsOf(some.map(({ example }) => example)),
      wall: tensor(
        Int32Array.from({ length: batch }, (_, i) => some[Math.min(i, some.length - 1)].wall),
        [batch],
        "int32",
      ),
    };
    const found = await one.run({ ...own, ...feeds });
    const [s, length] = [toFloat64(found.chosen), toFloat64(found.slope)];
    for (const [i, { example }] of some.entries()) {
      // A switch without a slope (the maximum of its own window, a unit cut off by a dead layer) is no wall.
      if (length[i] > 0) nearest[example] = Math.min(nearest[example], Math.abs(s[i]) / length[i]);
    }
  }
  await Promise.all([values.release(), one.release()]);
  return Array.from(nearest, (distance) => ({ distance, examined: Math.min(walls, limit ?? walls), walls }));
}

/** All switches of a network as rows [N, walls]; undefined where it has none. They are zero on the walls. */
function switchesOf(logits: Value, x: Value): Value | undefined {
  const order = topological([logits]);
  const active = dependents(order, [x]);
  const found = order.flatMap((node): Value[] => {
    if (!active.has(node) || node === x || isAffine(node, active)) return [];
    const [h] = node.inputs;
    const { name } = node.operator;
    if (name === "Relu" || name === "LeakyRelu" || name === "Abs") return [flatten(h)];
    if (name === "Clip") {
      const { low, high } = node.attributes as { low: number; high: number };
      return [low, high].filter(Number.isFinite).map((bound) => flatten(sub(h, bound)));
    }
    if (name === "MaxPool") return windowSwitches(node, h);
    throw new GraphError(`cells are those of piecewise linear networks, and ${describe(node)} is not piecewise linear`);
  });
  return found.length > 0 ? concat(found, 1) : undefined;
}

/** For each place in a window: the maximum minus the number there. */
function windowSwitches(node: Value, h: Value): Value[] {
  const { kernel, strides, pads, dilations } = node.attributes as Record<"kernel" | "strides" | "pads" | "dilations", readonly number[]>;
  if (pads.some((p) => p > 0))
    throw new GraphError(`${describe(node)} pads its input; distances to the cell boundary are known for pooling without padding only`);
  const spatial = node.shape.slice(2);
  const places = kernel.reduce<number[][]>((all, k) => all.flatMap((place) => Array.from({ length: k }, (_, i) => [...place, i])), [[]]);
  return places.map((place) => {
    const there = slice(h, {
      starts: [0, 0, ...place.map((i, axis) => i * dilations[axis])],
      steps: [1, 1, ...strides],
      extents: [h.shape[0], h.shape[1], ...spatial],
    });
    return flatten(sub(node, there));
  });
}
