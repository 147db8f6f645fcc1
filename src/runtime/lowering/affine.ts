/**
 * Chains of sums and of factors per channel, as batch normalization and its gradients are made of, in as few passes over the images as
 * possible: every value is seen as Σ coefficientₖ·atomₖ + offset with coefficients per channel, and written so where that is used.
 */
import { add, apply, constant, mul, neg, type Operator, operators, rebuild, reduceMean, reshape, type Value } from "../../graph/index.ts";
import { full, sameShape, size } from "../../tensor/index.ts";
import type { LoweringPass } from "./index.ts";
import { slopeAndOffset } from "./scales.ts";
import { usesOf } from "./uses.ts";

/** A number for all channels, or a value [C, 1, 1]. */
type Coefficient = number | Value;
interface Affine {
  readonly terms: ReadonlyMap<Value, Coefficient>;
  readonly offset: Coefficient;
}

export const combineAffine: LoweringPass = (outputs) => {
  const uses = usesOf(outputs);
  const known = new Map<Value, Affine>();
  const affineOf = (x: Value): Affine => known.get(x) ?? { terms: new Map([[x, 1]]), offset: 0 };
  return rebuild(outputs, (value, inputs) => {
    if (value.dtype !== "float32") return undefined;
    if (value.operator.name.startsWith("Reduce")) return reduction(value, inputs[0], known.get(inputs[0]));
    if (value.shape.length !== 4) return undefined;
    const affine = combination(value, inputs, affineOf);
    if (!affine) return undefined;
    const plain = [...affine.terms.values()].every((c) => typeof c === "number" && Math.abs(c) === 1) && affine.offset === 0;
    const result = plain ? unchanged(value, inputs) : write(affine, value);
    if (!result) return undefined;
    if (affine.terms.size === 1 || uses.get(value) === 1) known.set(result, affine);
    return result;
  });
};

/** The value as a combination of what its inputs are combinations of; undefined for other operators. */
function combination(value: Value, inputs: readonly Value[], affineOf: (x: Value) => Affine): Affine | undefined {
  const images = inputs.map((x) => sameShape(x.shape, value.shape));
  const factors = inputs.map((x) => coefficientOf(x, value.shape[1]));
  const parts = inputs.map((x, i) =>
    images[i] ? affineOf(x) : factors[i] === undefined ? undefined : { terms: new Map(), offset: factors[i] },
  );
  switch (value.operator.name) {
    case "Add":
    case "Sub": {
      const [a, b] = parts;
      return a && b && sum(a, value.operator.name === "Add" ? b : scaled(b, -1));
    }
    case "Neg":
      return parts[0] && scaled(parts[0], -1);
    case "Mul": {
      const image = images[0] ? 0 : 1;
      const factor = factors[1 - image];
      return images[0] !== images[1] && factor !== undefined ? scaled(affineOf(inputs[image]), factor) : undefined;
    }
    case "Expand":
      return factors[0] === undefined ? undefined : { terms: new Map(), offset: factors[0] };
    case "BatchNormalization": {
      const { slope, offset } = slopeAndOffset(value, inputs);
      return sum(scaled(affineOf(inputs[0]), perChannel(slope)), { terms: new Map(), offset: perChannel(offset) });
    }
    default:
      return undefined;
  }
}

/** Sums and means over everything but the channels go to the atoms, which have means of their own already. */
function reduction(value: Value, x: Value, affine: Affine | undefined): Value | undefined {
  const { axes } = value.attributes as { axes: readonly number[] };
  if (affine?.terms.size !== 1 || x.shape.length !== 4 || !sameShape(axes, [0, 2, 3])) return undefined;
  const count = value.operator.name === "ReduceSum" ? size(x.shape) / x.shape[1] : 1;
  if (value.operator.name !== "ReduceSum" && value.operator.name !== "ReduceMean") return undefined;
  let total: Coefficient = affine.offset;
  for (const [atom, coefficient] of affine.terms) total = plus(total, times(coefficient, perChannel(reduceMean(atom, [0, 2, 3]))));
  return reshape(asValue(times(total, count), x.shape[1]), value.shape);
}

/** A combination as few operators: the first atom takes the offset along. */
function write({ terms, offset }: Affine, { shape }: Value): Value | undefined {
  if (terms.size === 0) return undefined;
  let result: Value | undefined;
  for (const [atom, coefficient] of terms) {
    const first = result === undefined && offset !== 0;
    const term = first ? affineMap(atom, coefficient, offset) : coefficient === 1 ? atom : mul(atom, coefficient);
    result = result ? add(result, term) : term;
  }
  return sameShape((result as Value).shape, shape) ? result : undefined;
}

/** coefficient·x + offset in one operator. */
function affineMap(x: Value, coefficient: Coefficient, offset: Coefficient): Value {
  const channels = x.shape[1];
  const vector = (c: Coefficient) => reshape(asValue(c, channels), [channels]);
  const same = (v: number) => constant(full([channels], v));
  const normalization = operators.get("BatchNormalization") as Operator;
  return apply(normalization, [x, vector(coefficient), vector(offset), same(0), same(1)], { epsilon: 0 });
}

function unchanged(value: Value, inputs: readonly Value[]): Value {
  return inputs.every((x, i) => x === value.inputs[i]) ? value : apply(value.operator, inputs, value.attributes);
}

function sum(a: Affine, b: Affine): Affine {
  const terms = new Map(a.terms);
  for (const [atom, coefficient] of b.terms) terms.set(atom, plus(terms.get(atom) ?? 0, coefficient));
  return { terms, offset: plus(a.offset, b.offset) };
}

function scaled({ terms, offset }: Affine, factor: Coefficient): Affine {
  return { terms: new Map([...terms].map(([atom, c]) => [atom, times(c, factor)])), offset: times(offset, factor) };
}

function plus(a: Coefficient, b: Coefficient): Coefficient {
  if (typeof a === "number" && typeof b === "number") return a + b;
  return a === 0 ? b : b === 0 ? a : add(a, b);
}

function times(a: Coefficient, b: Coefficient): Coefficient {
  if (typeof a === "number" && typeof b === "number") return a * b;
  if (a === 0 || b === 0) return 0;
  if (a === -1 || b === -1) return neg((a === -1 ? b : a) as Value);
  return a === 1 ? b : b === 1 ? a : mul(a, b);
}

/** A value that is one number, or one per channel. */
function coefficientOf(x: Value, channels: number): Coefficient | undefined {
  if (x.operator.name === "Constant" && size(x.shape) === 1) return Number((x.attributes.value as { data: ArrayLike<number> }).data[0]);
  if (size(x.shape) === channels && sameShape(x.shape.slice(-3), [channels, 1, 1])) return reshape(x, [channels, 1, 1]);
  return undefined;
}

function perChannel(x: Value): Value {
  return reshape(x, [-1, 1, 1]);
}

function asValue(c: Coefficient, channels: number): Value {
  return typeof c === "number" ? constant(full([channels, 1, 1], c)) : c;
}
