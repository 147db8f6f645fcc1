/** ONNX's own node cases, imported: their values by the reference rules and on the runtime, their gradients against central differences. */
import { describe, expect, it } from "vitest";
import { add, cast, constant, evaluate, grad, isFloat, mul, sum, type Value } from "../../src/graph/index.ts";
import { OnnxError, UnsupportedOperatorError } from "../../src/onnx/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { key, normal, type Tensor, tensor, toFloat64, uniform } from "../../src/tensor/index.ts";
import { available, buildCase, type ConformanceCase, caseNames, readCase } from "./cases.ts";

interface Built {
  readonly given: ConformanceCase;
  readonly placeholders: Readonly<Record<string, Value>>;
  readonly values: Readonly<Record<string, Value>>;
}
interface Outcome {
  readonly built: Built[];
  /** Operators that are left out, with the number of their cases. */
  readonly refused: ReadonlyMap<string, number>;
  /** Cases about sequences, texts, optional values or training, not about numbers. */
  readonly inapplicable: readonly string[];
}

/** What comes out differently, and why. */
const known: Readonly<Record<string, string>> = {
  test_cast_BFLOAT16_to_FLOAT: "its input is declared float32",
  test_cast_DOUBLE_to_FLOAT16: "16-bit floats are widened, not rounded",
  test_cast_FLOAT_to_BFLOAT16: "its output is declared float32",
  test_cast_FLOAT_to_FLOAT16: "16-bit floats are widened, not rounded",
  test_castlike_BFLOAT16_to_FLOAT: "its input is declared with another shape",
  test_castlike_BFLOAT16_to_FLOAT_expanded: "its input is declared with another shape",
  test_castlike_DOUBLE_to_FLOAT16: "16-bit floats are widened, not rounded",
  test_castlike_DOUBLE_to_FLOAT16_expanded: "16-bit floats are widened, not rounded",
  test_castlike_FLOAT_to_BFLOAT16: "its input is declared with another shape",
  test_castlike_FLOAT_to_BFLOAT16_expanded: "its input is declared with another shape",
  test_castlike_FLOAT_to_FLOAT16: "16-bit floats are widened, not rounded",
  test_castlike_FLOAT_to_FLOAT16_expanded: "16-bit floats are widened, not rounded",
  test_dynamicquantizelinear: "a value half-way between integers, rounded in float64",
  test_dynamicquantizelinear_expanded: "a value half-way between integers, rounded in float64",
  test_blackmanwindow_expanded: "its numbers take π as 3.1415",
  test_blackmanwindow_symmetric_expanded: "its numbers take π as 3.1415",
  test_hammingwindow_expanded: "its numbers take π as 3.1415",
  test_hammingwindow_symmetric_expanded: "its numbers take π as 3.1415",
  test_hannwindow_expanded: "its numbers take π as 3.1415",
  test_hannwindow_symmetric_expanded: "its numbers take π as 3.1415",
  test_maxpool_with_argmax_2d_precomputed_pads: "positions of maxima are not given out",
  test_maxpool_with_argmax_2d_precomputed_strides: "positions of maxima are not given out",
  test_resize_downsample_scales_cubic_align_corners: "corners are aligned by the whole extent, as in PyTorch and ONNX Runtime",
  test_resize_downsample_scales_linear_align_corners: "corners are aligned by the whole extent, as in PyTorch and ONNX Runtime",
  test_resize_tf_crop_and_resize: "cropping is not supported",
  test_scatternd_multiply: "a place that is named twice",
  test_training_dropout: "training mode draws random numbers",
  test_training_dropout_default: "training mode draws random numbers",
  test_training_dropout_default_mask: "training mode draws random numbers",
  test_training_dropout_mask: "training mode draws random numbers",
};

function importAll(): Outcome {
  const outcome = { built: [] as Built[], refused: new Map<string, number>(), inapplicable: [] as string[] };
  for (const name of caseNames) {
    try {
      const given = readCase(name);
      outcome.built.push({ given, ...buildCase(given) });
    } catch (error) {
      if (error instanceof UnsupportedOperatorError) outcome.refused.set(error.operator, (outcome.refused.get(error.operator) ?? 0) + 1);
      else if (error instanceof OnnxError && /has elements of (sequence|optional|string)|opset_import/.test(error.message))
        outcome.inapplicable.push(name);
      else if (!(error instanceof OnnxError && name in known)) throw error;
    }
  }
  return outcome;
}

/** ONNX's own tolerance is 1e-3 relative; its numbers are float32. */
function agrees(actual: Tensor, expected: Tensor): boolean {
  if (String(actual.shape) !== String(expected.shape)) return false;
  const [a, b] = [toFloat64(actual), toFloat64(expected)];
  return a.every((v, i) => Object.is(v, b[i]) || v === b[i] || Math.abs(v - b[i]) <= 1e-6 + 1e-4 * Math.abs(b[i]));
}

/** Cases whose inputs lie where the function has no derivative: their gradients are checked at inputs a little larger. */
const kinks: Readonly<Record<string, string>> = {
  test_acosh_example: "begins at 1, where the derivative is infinite",
  test_elu_example: "at 0",
  test_floor_example: "at an integer",
  test_hardmax_one_hot: "at a tie",
  test_leakyrelu_example: "at 0",
  test_pow: "has powers of 0",
  test_reduce_min_default_axes_keepdims_example: "at a tie",
  test_round: "half-way between integers",
  test_selu_example: "at 0",
  test_sign: "at 0",
  test_softsign_example: "at 0, where there is no second derivative",
  test_thresholdedrelu_example: "at the threshold",
};

/** Cases whose gradient is not meant to be the derivative, or does not show in differences. */
const exempt: Readonly<Record<string, string>> = {
  test_cast_DOUBLE_to_FLOAT: "rounds to float32",
  test_castlike_DOUBLE_to_FLOAT: "rounds to float32",
  test_castlike_DOUBLE_to_FLOAT_expanded: "rounds to float32",
  test_dynamicquantizelinear_max_adjusted: "straight-through",
  test_dynamicquantizelinear_max_adjusted_expanded: "rounds",
  test_dynamicquantizelinear_min_adjusted: "straight-through",
  test_dynamicquantizelinear_min_adjusted_expanded: "rounds",
  test_maxpool_3d_default: "of its 32,768 numbers some neighbours are nearer to each other than the step",
  test_onehot_with_axis: "its indices are floats",
  test_onehot_with_negative_axis: "its indices are floats",
  test_qlinearconv: "straight-through",
  test_qlinearmatmul_2D: "straight-through",
  test_qlinearmatmul_3D: "straight-through",
  test_quantizelinear: "straight-through",
  test_quantizelinear_axis: "straight-through",
};

const draw = (label: string, shape: readonly number[]) => normal(key(3).fold(label), shape).data;
const dot = (a: Float64Array, b: Float64Array) => a.reduce((total, v, i) => total + v * b[i], 0);
const shifted = (x: Tensor, direction: Float64Array, h: number) =>
  tensor(
    toFloat64(x).map((v, i) => v + h * direction[i]),
    x.shape,
    "float64",
  );
/** Floats moved up by 0.05 to 0.15, each by its own amount. */
const enlarged = (inputs: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => {
      const amounts = uniform(key(4).fold(name), x.shape, 0.05, 0.15).data;
      return [name, x.dtype.startsWith("float") ? shifted(x, amounts, 1) : x];
    }),
  );

describe.skipIf(!available)("ONNX's node cases (skipped without Debian's libonnx-testdata)", () => {
  const { built, refused, inapplicable } = available ? importAll() : { built: [], refused: new Map<string, number>(), inapplicable: [] };

  it("give ONNX's values by the reference rules", () => {
    const failed = built.filter(({ given, values }) => {
      const actual = evaluate(Object.values(values), given.inputs);
      return !Object.keys(values).every((name, i) => agrees(actual[i], given.outputs[name]));
    });
    const passed = built.length - failed.length;
    const byName = [...refused].map(([operator, count]) => `${operator} ${count}`).join(", ");
    console.log(`${passed} of ${caseNames.length - inapplicable.length} cases about numbers pass; refused by name: ${byName}`);
    expect(failed.map(({ given }) => given.name).filter((name) => !(name in known))).toEqual([]);
    expect(passed).toBeGreaterThanOrEqual(785);
  });

  it("give ONNX's values on the runtime", async () => {
    const failed: string[] = [];
    const checked = built.filter(({ given }) => !(given.name in known));
    for (let first = 0; first < checked.length; first += 60) {
      const together = checked.slice(first, first + 60);
      const labelled = <T>(pick: (one: Built) => Readonly<Record<string, T>>) =>
        Object.fromEntries(together.flatMap((one) => Object.entries(pick(one)).map(([name, x]) => [`${one.given.name}/${name}`, x])));
      const inputs = labelled(({ placeholders }) => placeholders);
      const program = await compile(
        inputs,
        labelled(({ values }) => values),
      );
      const data = labelled(({ given }) => given.inputs);
      const actual = await program.run(Object.fromEntries(Object.keys(inputs).map((name) => [name, data[name]])));
      await program.release();
      const expected = labelled(({ given }) => given.outputs);
      failed.push(...Object.keys(expected).filter((name) => !agrees(actual[name], expected[name])));
    }
    expect(failed).toEqual([]);
  });

  it("have gradients that agree with central differences", () => {
    const wrong: string[] = [];
    let checked = 0;
    for (const { given: original, placeholders, values } of built) {
      if (original.name in known || original.name in exempt) continue;
      const given = original.name in kinks ? { ...original, inputs: enlarged(original.inputs) } : original;
      const outputs = Object.values(values).filter(({ dtype }) => isFloat(dtype));
      const variables = Object.values(placeholders).filter(({ dtype }) => isFloat(dtype));
      if (outputs.length === 0 || variables.length === 0) continue;
      const loss = outputs
        .map((y, i) => sum(mul(y, constant(tensor(draw(`${given.name} weight ${i}`, y.shape), y.shape, y.dtype)))))
        .reduce((a, b) => add(cast(a, "float64"), cast(b, "float64")));
      const gradients = grad(loss, variables);
      const names = Object.keys(placeholders).filter((name) => isFloat(placeholders[name].dtype));
      const directions = Object.fromEntries(names.map((name) => [name, draw(`${given.name} direction ${name}`, given.inputs[name].shape)]));
      const exact = evaluate(gradients, given.inputs).reduce((total, g, i) => total + dot(g.data, directions[names[i]]), 0);
      const at = (h: number) => {
        const moved = names.map((name) => [name, shifted(given.inputs[name], directions[name], h)]);
        return evaluate([loss], { ...given.inputs, ...Object.fromEntries(moved) })[0].data[0];
      };
      const numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
      if (!(Math.abs(exact - numeric) <= 1e-6 * Math.max(1, Math.abs(exact)))) wrong.push(`${given.name}: ${exact} against ${numeric}`);
      checked++;
    }
    console.log(
      `gradients of ${checked - wrong.length} of ${checked} cases agree with central differences, ${Object.keys(kinks).length} of them beside a kink; ` +
        `${Object.keys(exempt).length} cases are exempt`,
    );
    expect(wrong).toEqual([]);
    expect(checked).toBeGreaterThanOrEqual(600);
  });
});
