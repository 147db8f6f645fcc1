/** What is proved of any function of the graph, at a random point in float64. */
import { expect } from "vitest";
import { add, evaluate, grad, input, jvp, mul, simplify, sum, type Value, vmap } from "../../src/graph/index.ts";
import { type Key, key, normal, type Tensor, tensor } from "../../src/tensor/index.ts";

/** A function and a point: float64 arguments are its variables, others are given. */
export interface Case {
  readonly f: (...inputs: Value[]) => Value;
  readonly at: readonly Tensor[];
}

type Feeds = Map<Value, Tensor>;

/** Checks gradients and second derivatives against central differences, forward derivatives, batches against members, and rewriting. */
export function check({ f, at }: Case, { seed = key(1), batchSize = 3 }: { seed?: Key; batchSize?: number } = {}): void {
  const inputs = at.map((x, i) => input(`x${i}`, x.shape, x.dtype as "float64"));
  const feeds: Feeds = new Map(inputs.map((x, i) => [x, at[i]]));
  const drawn = (label: string, like: Value) => {
    const value = input(label, like.shape, "float64");
    feeds.set(value, normal(seed.fold(label), like.shape));
    return value;
  };
  const variables = inputs.filter((x) => x.dtype === "float64");
  const y = f(...inputs);
  const cotangent = drawn("cotangent", y);
  const directions = variables.map((x, i) => drawn(`direction ${i}`, x));
  const value = sum(mul(y, cotangent));
  const first = grad(value, variables);
  const slope = first.map((g, i) => sum(mul(g, directions[i]))).reduce(add);
  const second = grad(slope, [...variables, cotangent]);
  const [forward] = jvp([y], variables, directions);

  close(evaluate(first, feeds), differences(value, variables, feeds), 1e-6, "gradient");
  close(evaluate(second, feeds), differences(slope, [...variables, cotangent], feeds), 1e-6, "second derivative");
  close(evaluate([sum(mul(forward, cotangent))], feeds), evaluate([slope], feeds), 1e-12, "forward derivative");
  const everything = [y, ...first, ...second, forward];
  close(evaluate(simplify(everything), feeds), evaluate(everything, feeds), 1e-12, "simplified");
  checkBatches(f, at, feeds.get(cotangent) as Tensor, batchSize);
}

/** For every choice of batched arguments: the batch of values and gradients is that of the members. */
function checkBatches(f: Case["f"], at: readonly Tensor[], weights: Tensor, batchSize: number): void {
  const both = (...inputs: Value[]) => {
    const [cotangent, ...xs] = inputs;
    const y = f(...xs);
    const variables = xs.filter((x) => x.dtype === "float64");
    return [y, ...grad(sum(mul(y, cotangent)), variables)];
  };
  const points = [weights, ...at];
  const members = Array.from({ length: batchSize }, (_, b) => points.map((x) => rotated(x, 7 * b)));
  for (let mask = 1; mask < 1 << points.length; mask++) {
    const batched = points.map((_, i) => ((mask >> i) & 1) === 1);
    const fed = points.map((x, i) => (batched[i] ? stacked(members.map((member) => member[i])) : x));
    const inputs = fed.map((x, i) => input(`x${i}`, x.shape, x.dtype as "float64"));
    const batch = vmap(both, inputs, { batched });
    const feeds: Feeds = new Map(inputs.map((x, i) => [x, fed[i]]));
    const together = evaluate(batch, feeds);
    close(evaluate(simplify(batch), feeds), together, 1e-12, `simplified batch over ${batched}`);
    const innermost = evaluate(simplify(vmap(both, inputs, { batched, innermost: true })), feeds);
    close(innermost, together, 1e-12, `batch over ${batched} on the last axis`);
    const singles = members.map((member) => {
      const one = points.map((x, i) => input(`x${i}`, x.shape, x.dtype as "float64"));
      return evaluate(both(...one), new Map(one.map((x, i) => [x, batched[i] ? member[i] : points[i]])));
    });
    const expected = together.map((_, k) => stacked(singles.map((single) => single[k])));
    close(together, expected, 1e-12, `batch over ${batched}`);
  }
}

/** Central differences of a scalar in every component of the variables. */
function differences(value: Value, variables: readonly Value[], feeds: Feeds, step = 1e-5): Tensor[] {
  return variables.map((x) => {
    const point = feeds.get(x) as Tensor<"float64">;
    const at = (i: number, shift: number) => {
      const data = point.data.slice();
      data[i] += shift;
      return evaluate([value], new Map([...feeds, [x, { ...point, data }]]))[0].data[0];
    };
    return tensor(
      Float64Array.from(point.data, (_, i) => (at(i, step) - at(i, -step)) / (2 * step)),
      point.shape,
      "float64",
    );
  });
}

/** Equal shapes, and every component within `tolerance` of the largest. */
export function close(actual: readonly Tensor[], expected: readonly Tensor[], tolerance: number, what: string): void {
  for (const [k, { shape, data }] of expected.entries()) {
    expect(actual[k].shape, `shape of ${what} ${k}`).toEqual([...shape]);
    let [error, largest] = [0, 1e-2];
    for (let i = 0; i < data.length; i++) {
      error = Math.max(error, Math.abs(Number(actual[k].data[i]) - Number(data[i])));
      largest = Math.max(largest, Math.abs(Number(data[i])));
    }
    expect(error / largest, `relative error of ${what} ${k}`).toBeLessThanOrEqual(tolerance);
  }
}

function stacked(members: readonly Tensor[]): Tensor {
  const [{ shape, dtype }] = members;
  return tensor(
    members.flatMap((x) => Array.from(x.data, Number)),
    [members.length, ...shape],
    dtype,
  );
}

/** The same numbers in another order, so that they stay in the function's domain. */
function rotated(x: Tensor, by: number): Tensor {
  const numbers = Array.from(x.data, Number);
  return tensor(
    numbers.map((_, i) => numbers[(i + by) % numbers.length]),
    x.shape,
    x.dtype,
  );
}
