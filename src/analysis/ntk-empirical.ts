/**
 * The empirical neural tangent kernel of any model: Jacobians of the logits in the trained weights, example by example in one graph,
 * and their inner products, both on the engine.
 */
import { Matrix } from "ml-matrix";
import { concat, input, matMul, mul, perExample, reshape, sum, transpose } from "../graph/index.ts";
import { type Model, weightNames } from "../models/model.ts";
import { compile } from "../runtime/index.ts";
import { type FloatDType, ShapeError, sameShape, size, type Tensor, takeRows, tensor } from "../tensor/index.ts";

/**
 * Θ̂(x, z) = (1/C) Σ_k ⟨∇_θ f_k(x), ∇_θ f_k(z)⟩, averaged over a model's C logits f_k, as the matrix [n, n'] for inputs x [n, …] and z [n', …]
 * (default: x), in inference mode, θ being all trained weights. Computed in the dtype of the inputs, which must be that of the weights.
 * Jacobians are made for `block` examples at a time; those of all examples for one logit are held, P numbers for each.
 * @throws ShapeError when the inputs are not what the model takes.
 */
export async function empiricalNtk(model: Model, x: Tensor, z: Tensor = x, { block = 16 } = {}): Promise<Matrix> {
  const dtype = x.dtype as FloatDType;
  for (const { shape, dtype: given } of [x, z]) {
    if (given !== dtype || !sameShape(shape.slice(1), model.network.inputShape)) {
      throw new ShapeError(`the model takes inputs [n, ${model.network.inputShape}], all of one dtype, not ${given}[${shape}]`);
    }
  }
  const kernel = Matrix.zeros(x.shape[0], z.shape[0]);
  const b = Math.min(block, Math.max(x.shape[0], z.shape[0]));
  const jacobian = await jacobianProgram(model, dtype, b);
  const P = jacobian.parameters;
  const [left, right] = [input("left", [b, P], dtype), input("right", [b, P], dtype)];
  const inner = await compile({ left, right }, { K: matMul(left, transpose(right)) });
  for (let logit = 0; logit < model.network.classes; logit++) {
    const [first, second] = [await jacobian.blocks(x, logit), z === x ? undefined : await jacobian.blocks(z, logit)];
    for (const [i, J] of first.entries()) {
      for (const [j, Jʹ] of (second ?? first).entries()) {
        if (second || j <= i) accumulate(kernel, (await inner.run({ left: J, right: Jʹ })).K, i * b, j * b, !second && j < i);
      }
    }
  }
  await Promise.all([jacobian.release(), inner.release()]);
  return kernel.mul(1 / model.network.classes);
}

/** Compiles x [b, …] → ∂f_k/∂θ as [b, P]. */
async function jacobianProgram({ network, weights }: Model, dtype: FloatDType, b: number) {
  const W = Object.fromEntries(Object.entries(network.weights).map(([name, { shape }]) => [name, input(name, shape, dtype)]));
  const [x, selector] = [input("x", [b, ...network.inputShape], dtype), input("selector", [1, network.classes], dtype)];
  const trained = weightNames(network, "trained").map((name) => W[name]);
  const gradients = perExample((example) => sum(mul(network.apply(example, W).logits, selector)), trained, [x]);
  const J = concat(gradients.map((g) => reshape(g, [b, size(g.shape) / b])), 1);
  const program = await compile({ ...W, x, selector }, { J });
  return {
    parameters: J.shape[1],
    /** The Jacobians of one logit in blocks of b examples; the last block is filled up with its last example. */
    async blocks(examples: Tensor, logit: number): Promise<Tensor[]> {
      const chosen = tensor(Float64Array.from({ length: network.classes }, (_, k) => (k === logit ? 1 : 0)), [1, network.classes], dtype);
      const last = examples.shape[0] - 1;
      const starts = Array.from({ length: Math.ceil(examples.shape[0] / b) }, (_, i) => i * b);
      const results: Tensor[] = [];
      for (const start of starts) {
        const members = Array.from({ length: b }, (_, i) => Math.min(start + i, last));
        results.push((await program.run({ ...weights, x: takeRows(examples, members), selector: chosen })).J);
      }
      return results;
    },
    release: () => program.release(),
  };
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
