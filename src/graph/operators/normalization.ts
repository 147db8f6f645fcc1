/** Normalization by statistics: stored ones (batch normalization in inference form, an operator of its own), or those of the data. */
import { sameShape } from "../../tensor/index.ts";
import { batchFirst, mergeBatch, splitBatch } from "../broadcast.ts";
import { apply, describe, GraphError, normalizeAxis, type Operator, operator, type Value } from "../value.ts";
import { add, div, mul, neg, reciprocal, sqrt, square, sub } from "./elementwise.ts";
import { reduceMean, reduceSum } from "./reduce.ts";
import { reshape } from "./shape.ts";

export interface NormalizationOptions {
  /** Added to the variance under the root. */
  epsilon?: number;
}
/** Scale γ and bias β of a normalization's result, where it has them. */
export interface AffineOptions extends NormalizationOptions {
  scale?: Value;
  bias?: Value;
}

/** Statistics of each channel, shape [C]. */
export interface Statistics {
  mean: Value;
  /** Mean squared deviation (divided by the count, not by the count − 1). */
  variance: Value;
}

/** γ (x − μ) / √(σ² + ε) + β per channel of [N, C, …] (ONNX BatchNormalization): everything else is [C]. */
export const batchNormalization = (
  x: Value,
  scale: Value,
  bias: Value,
  { mean, variance }: Statistics,
  { epsilon = 1e-5 }: NormalizationOptions = {},
): Value => apply(batchNormalizationOperator, [x, scale, bias, mean, variance], { epsilon });

/** Batch normalization with the batch's own statistics (Ioffe & Szegedy 2015), which come along for running averages. */
export function batchNormalizationTraining(
  x: Value,
  scale: Value,
  bias: Value,
  options: NormalizationOptions = {},
): { normalized: Value } & Statistics {
  const axes = allButChannels(x);
  const mean = reduceMean(x, axes);
  const variance = reduceMean(square(sub(x, perChannel(mean, x))), axes);
  return { normalized: batchNormalization(x, scale, bias, { mean, variance }, options), mean, variance };
}

/** Layer normalization (Ba et al. 2016) over the axes from `axis` on; scale and bias broadcast against x. */
export function layerNormalization(x: Value, { axis = -1, ...options }: AffineOptions & { axis?: number } = {}): Value {
  const first = normalizeAxis(axis, x.shape.length);
  return standardize(
    x,
    x.shape.flatMap((_, i) => (i >= first ? [i] : [])),
    options,
  );
}

/** Instance normalization (Ulyanov et al. 2016): every channel of every example by itself; scale and bias are [C]. */
export function instanceNormalization(x: Value, { scale, bias, epsilon }: AffineOptions = {}): Value {
  return standardize(
    x,
    x.shape.flatMap((_, i) => (i >= 2 ? [i] : [])),
    { scale: scale && perChannel(scale, x), bias: bias && perChannel(bias, x), epsilon },
  );
}

/** Group normalization (Wu & He 2018): the channels of each of `groups` groups together; scale and bias are [C]. */
export function groupNormalization(x: Value, groups: number, { scale, bias, epsilon }: AffineOptions = {}): Value {
  if (!Number.isInteger(x.shape[1] / groups)) throw new GraphError(`the channels of ${describe(x)} do not fall into ${groups} groups`);
  const normalized = reshape(standardize(reshape(x, [x.shape[0], groups, -1]), [2], { epsilon }), x.shape);
  return affine(normalized, scale && perChannel(scale, x), bias && perChannel(bias, x));
}

const batchNormalizationOperator: Operator<{ epsilon: number }> = operator<{ epsilon: number }>("BatchNormalization", {
  shape: ([x, ...channels]) => {
    for (const value of channels) {
      if (!sameShape(value.shape, x.shape.slice(1, 2)) || value.dtype !== x.dtype)
        throw new GraphError(`batch normalization of ${describe(x)} by ${describe(value)} does not fit`);
    }
    return x.shape;
  },
  gradient: ([x, scale, _bias, mean, variance], dy, _y, { epsilon }) => {
    const deviation = sqrt(add(variance, epsilon));
    const slope = div(scale, deviation);
    const total = reduceSum(dy, allButChannels(x));
    const moment = div(reduceSum(mul(dy, sub(x, perChannel(mean, x))), allButChannels(x)), deviation);
    return [
      mul(dy, perChannel(slope, x)),
      moment,
      total,
      neg(mul(total, slope)),
      neg(div(mul(mul(moment, scale), 0.5), add(variance, epsilon))),
    ];
  },
  reference: ([x, scale, bias, mean, variance], { epsilon }, { shape }) => {
    const channels = shape[1];
    const plane = shape.slice(2).reduce((a, b) => a * b, 1);
    return x.data.map((v, i) => {
      const c = Math.floor(i / plane) % channels;
      return (scale.data[c] * (v - mean.data[c])) / Math.sqrt(variance.data[c] + epsilon) + bias.data[c];
    });
  },
  batch: ([x, ...channels], attributes, batchSize) => {
    if (!channels.some((value) => value.batched)) {
      const merged = [mergeBatch(x.value, 0), ...channels.map(({ value }) => value)];
      return splitBatch(apply(batchNormalizationOperator, merged, attributes), batchSize, 0);
    }
    const merged = [x, ...channels].map((argument, i) => mergeBatch(batchFirst(argument, batchSize), i === 0 ? 1 : 0));
    return splitBatch(apply(batchNormalizationOperator, merged, attributes), batchSize, 1);
  },
});

/** γ (x − μ) / √(σ² + ε) + β with mean and variance over `axes`. */
function standardize(x: Value, axes: readonly number[], { scale, bias, epsilon = 1e-5 }: AffineOptions): Value {
  const centred = sub(x, reduceMean(x, axes, { keepDimensions: true }));
  const variance = reduceMean(square(centred), axes, { keepDimensions: true });
  return affine(mul(centred, reciprocal(sqrt(add(variance, epsilon)))), scale, bias);
}

function affine(x: Value, scale?: Value, bias?: Value): Value {
  const scaled = scale ? mul(x, scale) : x;
  return bias ? add(scaled, bias) : scaled;
}

/** [C] as [C, 1, …], to broadcast against x. */
function perChannel(value: Value, x: Value): Value {
  return reshape(value, [value.shape[0], ...x.shape.slice(2).map(() => 1)]);
}

function allButChannels(x: Value): number[] {
  return x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
}
