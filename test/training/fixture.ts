/** The formulas of test/fixtures/training.py, and what PyTorch made of them. */
import { readFileSync } from "node:fs";
import { type DType, type Shape, size, type Tensor, tensor } from "../../src/tensor/index.ts";

interface Step {
  loss: number;
  norm: number;
}
interface Fixture {
  losses: Record<string, { loss: number; gradients: Record<string, number[]> }>;
  free: number[][];
  trainings: Record<string, { steps: Step[]; mean: number[]; variance: number[] }>;
}

export const fixture = JSON.parse(readFileSync(new URL("../fixtures/training.json", import.meta.url), "utf8")) as Fixture;

export function filled<D extends DType = "float32">(shape: Shape, salt: number, low = -1, high = 1, dtype: D = "float32" as D): Tensor<D> {
  const value = (i: number) => low + ((high - low) * (Math.sin(i * i + 1.7 * i + salt) + 1)) / 2;
  return tensor(
    Array.from({ length: size(shape) }, (_, i) => value(i)),
    shape,
    dtype,
  );
}

/** Weights with the script's salts, in the order of their names there. */
export function filledWeights<D extends DType = "float32">(
  shapes: Readonly<Record<string, Shape>>,
  salt: number,
  bound: number,
  dtype: D = "float32" as D,
): Record<string, Tensor<D>> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape], k) => [name, filled(shape, salt + k, -bound, bound, dtype)]));
}
