/** Sums over leading axes as products with a row of ones: the engine adds such rows up by columns, several times slower than it multiplies. */
import { constant, isFloat, matMul, rebuild, reshape, type Value } from "../../graph/index.ts";
import { full, size } from "../../tensor/index.ts";
import type { LoweringPass } from "./index.ts";

/** Numbers below which neither takes long. */
const least = 8192;

/** Σ over the leading axes of x [r…, k…] = 1ᵀ·x as matrices [1, r]·[r, k]. */
export const sumByProduct: LoweringPass = (outputs, { device }) =>
  device !== "cpu"
    ? [...outputs]
    : rebuild(outputs, (value, [x]) => {
        if (value.operator.name !== "ReduceSum" || !isFloat(value.dtype) || size(x.shape) < least) return undefined;
        const rows = leadingExtent(value, x);
        return rows > 1
          ? reshape(matMul(constant(full([1, rows], 1, value.dtype)), reshape(x, [rows, size(x.shape) / rows])), value.shape)
          : undefined;
      });

/** Product of the summed axes where these are the leading ones, and others are left; else 1. */
function leadingExtent(value: Value, { shape }: Value): number {
  const { axes } = value.attributes as { axes: readonly number[] };
  const leading = axes.length < shape.length && axes.every((axis) => axis < axes.length);
  return leading ? size(shape.slice(0, axes.length)) : 1;
}
