/**
 * The empirical neural tangent kernel of any model: gradients of the logits in the trained weights, example by example in one graph, and
 * their inner products, both on the engine. A weight matrix that is used once, as y = hWᵀ, has per-example gradients δhᵀ, which are never formed:
 * ⟨δhᵀ, δ′h′ᵀ⟩ = ⟨δ, δ′⟩⟨h, h′⟩ (structured derivatives: Novak, Sohl-Dickstein and Schoenholz 2022).
 */
import { Matrix } from "ml-matrix";
import { add, concat, grad, input, matMul, mul, reshape, sum, topological, transpose, type Value, vmap } from "../graph/index.ts";
import { type Model, type Network, type Weights, weightNames } from "../models/model.ts";
import { type CompileOptions, compile } from "../runtime/index.ts";
import { type FloatDType, rows, ShapeError, sameShape, size, type Tensor, takeRows, tensor, zeros } from "../tensor/index.ts";

export interface EmpiricalNtkOptions {
  /** The kernel of one scalar output, ⟨∇_θ f(x), ∇_θ f(z)⟩, instead of the average over the logits. */
  output?: ScalarOutput;
  /** Examples whose gradients are made at once. */
  block?: number;
  /** Device and threads. */
  runtime?: CompileOptions;
}

/** Examples whose inner products are taken at once. */
const TILE = 64;

/** Names the scalar f that a kernel is of, from one example's logits [1, C]: any shape of one element, as `sliceAxis(logits, 1, k, k + 1)`. */
export type ScalarOutput = (logits: Value) => Value;

/** The kernel of one network, compiled once: for many weights, or along training. */
export interface EmpiricalKernel {
  /** Θ̂(x, z) at the weights, for inputs [n, …] and [n', …] (default: z = x), as in `empiricalNtk`. */
  at(weights: Weights, x: Tensor, z?: Tensor): Promise<Matrix>;
  /** Gives the compiled functions back. */
  release(): Promise<void>;
}

/**
 * Θ̂(x, z) = (1/C) Σ_k ⟨∇_θ f_k(x), ∇_θ f_k(z)⟩, averaged over a model's C logits f_k, as the matrix [n, n'] for inputs x [n, …] and z [n', …]
 * (default: x), in inference mode, θ being all trained weights; or of one function of the logits (`output`). Computed in the dtype of the inputs, which must be that of the weights.
 * Gradients of all examples for one logit are held, those of weight matrices by their two factors.
 * @throws ShapeError when the inputs are not what the model takes, or `output` is not a scalar.
 */
export async function empiricalNtk(
  model: Model,
  x: Tensor,
  z: Tensor = x,
  { block = 32, ...options }: EmpiricalNtkOptions = {},
): Promise<Matrix> {
  const most = Math.max(x.shape[0], z.shape[0]);
  const kernel = await empiricalKernel(model.network, x.dtype as FloatDType, { block: Math.min(block, most), ...options });
  try {
    return await kernel.at(model.weights, x, z);
  } finally {
    await kernel.release();
  }
}

/** Compiles the empirical kernel of a network whose weights and inputs have the given dtype. */
export async function empiricalKernel(
  network: Network,
  dtype: FloatDType,
  { block = 32, runtime = {}, output }: EmpiricalNtkOptions = {},
): Promise<EmpiricalKernel> {
  const tile = block * Math.max(1, Math.floor(TILE / block));
  const features = await featureProgram(network, dtype, block, runtime, output);
  const inner = await innerProgram(features.widths, dtype, tile, runtime);
  return {
    async at(weights, x, z = x) {
      for (const { shape, dtype: given } of [x, z]) {
        if (given !== dtype || !sameShape(shape.slice(1), network.inputShape)) {
          throw new ShapeError(`the kernel takes inputs ${dtype}[n, ${network.inputShape}], not ${given}[${shape}]`);
        }
      }
      const first = tilesFor(features.widths, dtype, x.shape[0], tile);
      const second = z === x ? first : tilesFor(features.widths, dtype, z.shape[0], tile);
      const kernel = Matrix.zeros(x.shape[0], z.shape[0]);
      for (let k = 0; k < features.outputs; k++) {
        await features.fill(first, weights, x, k);
        if (second !== first) await features.fill(second, weights, z, k);
        for (const [i, left] of first.entries()) {
          for (const [j, right] of second.entries()) {
            if (second === first && j > i) continue;
            const { K } = await inner.run({ ...side("left", left), ...side("right", right) });
            accumulate(kernel, K, i * tile, j * tile, second === first && j < i);
          }
        }
      }
      return kernel.mul(1 / features.outputs);
    },
    release: async () => {
      await Promise.all([features.release(), inner.release()]);
    },
  };
}

/** What is kept of examples: matrices [examples, width] by name "group.member"; the kernel is the sum over groups of the products of their Gram matrices. */
type Features = Readonly<Record<string, Tensor>>;

/** Compiles x [b, …] → features of one logit, or of the `output`: all free gradients in one matrix, and two factors for each weight matrix. */
async function featureProgram(network: Network, dtype: FloatDType, b: number, runtime: CompileOptions, output?: ScalarOutput) {
  const W = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, dtype)]));
  const [x, selector] = [input("x", [b, ...network.inputShape], dtype), input("selector", [1, network.classes], dtype)];
  const trained = weightNames(network, "trained").map((name) => W[name]);
  let factors = 0;
  const perExample = vmap(
    (example) => {
      const { logits } = network.apply(reshape(example, [1, ...example.shape]), W);
      const chosen = output ? output(logits) : sum(mul(logits, selector));
      if (size(chosen.shape) !== 1) throw new ShapeError(`the output of a kernel is one number per example, not [${chosen.shape}]`);
      const f = sum(chosen);
      const products = trained.map((weight) => onlyProduct(f, weight));
      const factored = products.filter((product) => product !== undefined);
      factors = factored.length;
      const free = trained.filter((_, i) => products[i] === undefined);
      return [...factored.map(({ inputs: [h] }) => h), ...grad(f, [...factored, ...free])];
    },
    [x],
  ).map((value) => reshape(value, [b, size(value.shape) / b]));
  const named: Record<string, Value> = {};
  for (let i = 0; i < factors; i++) {
    named[`${i}.h`] = perExample[i];
    named[`${i}.δ`] = perExample[factors + i];
  }
  if (perExample.length > 2 * factors) named["free.gradients"] = concat(perExample.slice(2 * factors), 1);
  const program = await compile({ ...W, x, ...(output ? {} : { selector }) }, named, runtime);
  return {
    /** How many outputs there are to fill in turn. */
    outputs: output ? 1 : network.classes,
    widths: Object.fromEntries(Object.entries(named).map(([name, { shape }]) => [name, shape[1]])),
    /** Writes the features of examples into tiles; what lies beyond the last example is filled with it. */
    async fill(into: readonly Features[], weights: Weights, examples: Tensor, k: number): Promise<void> {
      const unit = Float64Array.from({ length: network.classes }, (_, logit) => (logit === k ? 1 : 0));
      const chosen: Record<string, Tensor> = output ? {} : { selector: tensor(unit, [1, network.classes], dtype) };
      const last = examples.shape[0] - 1;
      const tile = Object.values(into[0])[0].shape[0];
      for (let start = 0; start <= last; start += b) {
        const members = Array.from({ length: b }, (_, i) => Math.min(start + i, last));
        const target = mapValues(into[Math.floor(start / tile)], (matrix) => rows(matrix, start % tile, (start % tile) + b));
        await program.run({ ...weights, x: takeRows(examples, members), ...chosen }, target);
      }
    },
    release: () => program.release(),
  };
}

/** The product h·W or h·Wᵀ of an example's row h with a weight, if that is the only place where `f` uses the weight. */
function onlyProduct(f: Value, weight: Value): Value | undefined {
  const values = topological([f]);
  const usersOf = (value: Value) => values.filter(({ inputs }) => inputs.includes(value));
  const [user, ...others] = usersOf(weight);
  if (!user || others.length > 0) return undefined;
  if (user.operator.name === "Transpose") return onlyProduct(f, user);
  const [h, right] = user.inputs;
  return user.operator.name === "MatMul" && right === weight && h !== weight && sameShape(h.shape.slice(0, -1), [1]) ? user : undefined;
}

/** Compiles the features of two tiles → their inner products [tile, tile]. */
function innerProgram(widths: Readonly<Record<string, number>>, dtype: FloatDType, tile: number, runtime: CompileOptions) {
  const place = (name: string) => mapValues(widths, (width, member) => input(`${name} ${member}`, [tile, width], dtype));
  const [left, right] = [place("left"), place("right")];
  const groups = new Map<string, Value>();
  for (const name of Object.keys(widths)) {
    const gram = matMul(left[name], transpose(right[name]));
    const group = name.split(".")[0];
    const before = groups.get(group);
    groups.set(group, before ? mul(before, gram) : gram);
  }
  const K = [...groups.values()].reduce((total, group) => add(total, group));
  return compile({ ...side("left", left), ...side("right", right) }, { K }, runtime);
}

/** Room for the features of n examples. */
function tilesFor(widths: Readonly<Record<string, number>>, dtype: FloatDType, n: number, tile: number): Features[] {
  return Array.from({ length: Math.ceil(n / tile) }, () => mapValues(widths, (width) => zeros([tile, width], dtype)));
}

function side<T>(name: "left" | "right", features: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(features).map(([member, value]) => [`${name} ${member}`, value]));
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, f: (value: A, name: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}

/** Adds a block [b, b] at (row, column), and with `mirror` its transpose at (column, row); what lies outside the kernel is padding. */
function accumulate(kernel: Matrix, { shape, data }: Tensor, row: number, column: number, mirror: boolean): void {
  const b = shape[1];
  for (let i = 0; i < b && row + i < kernel.rows; i++) {
    for (let j = 0; j < b && column + j < kernel.columns; j++) {
      const entry = Number(data[i * b + j]);
      kernel.set(row + i, column + j, kernel.get(row + i, column + j) + entry);
      if (mirror) kernel.set(column + j, row + i, kernel.get(column + j, row + i) + entry);
    }
  }
}
