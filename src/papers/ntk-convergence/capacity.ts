/**
 * How wide a two-layer ReLU network must be to fit labels at the data points, and how wide to fit them on whole balls around the points:
 * the capacity theorem of Gao et al. (2019) says that the latter needs more. Networks for several data sets and initializations train at once,
 * their weights along a leading axis; the attack is part of the compiled step.
 */
import { add, div, grad, input, matMul, min, mul, reduceMin, reduceSum, relu, sqrt, square, stack, stopGradient, sub, sum, type Value } from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { type Key, normal, type Tensor, tensor, zeros } from "../../tensor/index.ts";
import { logistic } from "./evaluator.ts";
import { type Labelled, repeatRows } from "./points.ts";
import { balls } from "./problem.ts";
import type { Weights } from "./theory.ts";

/** How networks are trained and judged in the search for a width. */
export interface FittingOptions {
  /** Radius of the balls on which the labels must be fitted; 0 for the points alone. */
  δ: number;
  /** Steps of Adam, and their size. */
  steps: number;
  learningRate?: number;
  /** Projected gradient steps of the attack during training. */
  attackSteps?: number;
  /** Random starts, and 20 steps from each, by which a fit is judged. */
  restarts?: number;
  /** Initializations tried per data set; one that fits is enough. */
  seeds?: number;
  key: Key;
}

/**
 * The least of `widths` (ascending) at which a network fits each of the data sets, all of equal size; `undefined` where none did. A width is not tried for
 * a data set that a smaller one has fitted.
 */
export async function leastWidths(dataSets: readonly Labelled[], widths: readonly number[], options: FittingOptions): Promise<(number | undefined)[]> {
  const found = dataSets.map((): number | undefined => undefined);
  for (const width of widths) {
    const open = [...dataSets.keys()].filter((s) => found[s] === undefined);
    if (open.length === 0) break;
    const fitted = await fits(open.map((s) => dataSets[s]), width, { ...options, key: options.key.fold("width", width) });
    open.forEach((s, i) => {
      if (fitted[i]) found[s] = width;
    });
  }
  return found;
}

/** Whether a network of this width was found to fit each data set. Judged every 250 steps, and training ends as soon as every data set is fitted. */
export async function fits(
  dataSets: readonly Labelled[],
  width: number,
  { δ, steps, learningRate = 0.02, attackSteps = 10, restarts = 5, seeds = 2, key }: FittingOptions,
): Promise<boolean[]> {
  const members = dataSets.flatMap((data) => Array.from({ length: seeds }, () => data));
  const [n, d] = dataSets[0].points.shape;
  const B = members.length;
  const x = tensor(members.flatMap(({ points }) => [...points.data]), [B, n, d], "float64");
  const y = tensor(members.flatMap(({ labels }) => [...labels]), [B, n, 1], "float64");
  const repeats = δ > 0 ? restarts : 1;
  const [centres, labels] = [repeated(x, repeats), repeated(y, repeats)];
  const starts = balls(δ).sample(key.fold("judge"), { ...centres, shape: [B * n * repeats, d] });
  const training = await compileTraining({ B, n, d, width, δ, attackSteps: δ > 0 ? attackSteps : 0 });
  const judging = await compileJudging({ B, n: n * repeats, d, width, δ, attackSteps: δ > 0 ? 20 : 0 });
  const update = adam(learningRate);
  let θ = initialize(key, { B, d, width });
  const fitted = dataSets.map(() => false);
  for (let t = 1; t <= steps && !fitted.every(Boolean); t++) {
    θ = update(θ, (await training.run({ ...θ, x, y })) as Weights);
    if (t % 250 !== 0 && t !== steps) continue;
    const { margins } = await judging.run({ ...θ, x: centres, y: labels, start: { ...starts, shape: centres.shape } });
    for (let member = 0; member < B; member++) {
      if (margins.data[member] > 0) fitted[Math.floor(member / seeds)] = true;
    }
  }
  await Promise.all([training.release(), judging.release()]);
  return fitted;
}

/** Sizes of an ensemble: B networks of d inputs and `width` hidden units, n points each, balls of radius δ. */
interface Sizes {
  B: number;
  n: number;
  d: number;
  width: number;
  δ: number;
  attackSteps: number;
}

/** Weights of B networks f(x) = Σ_r a_r max(w_r·x + b_r, 0) + c: He's initialization, biases zero. */
function initialize(key: Key, { B, d, width }: Pick<Sizes, "B" | "d" | "width">): Weights {
  return {
    w: normal(key.fold("w"), [B, d, width], Math.sqrt(2 / d)),
    b: zeros([B, 1, width], "float64"),
    a: normal(key.fold("a"), [B, width, 1], Math.sqrt(2 / width)),
    c: zeros([B, 1, 1], "float64"),
  };
}

function ensemble({ B, n, d, width }: Sizes) {
  const shapes = { w: [B, d, width], b: [B, 1, width], a: [B, width, 1], c: [B, 1, 1], x: [B, n, d], y: [B, n, 1] };
  const place = (name: keyof typeof shapes) => input(name, shapes[name], "float64");
  const θ = { w: place("w"), b: place("b"), a: place("a"), c: place("c") };
  /** [B, n, d] → [B, n, 1] */
  const f = (x: Value) => add(matMul(relu(add(matMul(x, θ.w), θ.b)), θ.a), θ.c);
  return { θ, f, x: place("x"), y: place("y") };
}

/** The gradients, in each network's weights, of its mean loss at the points where the attack ends. */
function compileTraining(sizes: Sizes) {
  const { θ, f, x, y } = ensemble(sizes);
  const attacked = attackPath(f, x, y, x, sizes).at(-1) as Value;
  const loss = mul(sum(logistic(f(attacked), y)), 1 / sizes.n);
  const [w, b, a, c] = grad(loss, [θ.w, θ.b, θ.a, θ.c]);
  return compile({ ...θ, x, y }, { w, b, a, c }, { threads: 1 });
}

/** The least margin y f(x̃) of each network over its points and all steps of the attack, and the points themselves: [B]. */
function compileJudging(sizes: Sizes) {
  const { θ, f, x, y } = ensemble(sizes);
  const start = input("start", x.shape, "float64");
  const margins = [x, ...attackPath(f, x, y, start, sizes)].map((point) => mul(y, f(point)));
  return compile({ ...θ, x, y, start }, { margins: reduceMin(stack(margins), [0, 2, 3]) }, { threads: 1 });
}

/** x̃_0 = start, x̃_{k+1} = P_B(x̃_k + 2.5 (δ/K) ∇ℓ/‖∇ℓ‖) for k < K, around `centres`. Gradients of what follows are not taken through it. */
function attackPath(f: (x: Value) => Value, centres: Value, y: Value, start: Value, { δ, attackSteps }: Sizes): Value[] {
  const length = (v: Value) => add(sqrt(reduceSum(square(v), [2], { keepDimensions: true })), 1e-12);
  const path = [start];
  for (let k = 0; k < attackSteps; k++) {
    const x = path[k];
    const gradient = grad(sum(logistic(f(x), y)), x);
    const moved = sub(add(x, mul(div(gradient, length(gradient)), (2.5 * δ) / attackSteps)), centres);
    path.push(stopGradient(add(centres, mul(moved, min(div(δ, length(moved)), 1)))));
  }
  return path;
}

/** Every example `count` times in a row: [B, n, …] → [B, n·count, …]. */
function repeated(x: Tensor<"float64">, count: number): Tensor<"float64"> {
  const [B, n, k] = x.shape;
  return { ...repeatRows({ ...x, shape: [B * n, k] }, count), shape: [B, n * count, k] };
}

/** Adam (Kingma and Ba 2015) with its usual constants. */
function adam(learningRate: number, β1 = 0.9, β2 = 0.999): (θ: Weights, gradient: Weights) => Weights {
  const moments = new Map<string, { first: Float64Array; second: Float64Array }>();
  let t = 0;
  return (θ, gradient) => {
    t++;
    const step = (learningRate * Math.sqrt(1 - β2 ** t)) / (1 - β1 ** t);
    return Object.fromEntries(
      Object.entries(θ).map(([name, layer]) => {
        const { first, second } = moments.get(name) ?? { first: new Float64Array(layer.data.length), second: new Float64Array(layer.data.length) };
        moments.set(name, { first, second });
        const data = layer.data.map((value, i) => {
          const g = gradient[name].data[i];
          first[i] = β1 * first[i] + (1 - β1) * g;
          second[i] = β2 * second[i] + (1 - β2) * g * g;
          return value - (step * first[i]) / (Math.sqrt(second[i]) + 1e-8);
        });
        return [name, { ...layer, data }];
      }),
    );
  };
}
