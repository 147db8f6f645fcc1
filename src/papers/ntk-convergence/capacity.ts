/**
 * How wide a two-layer ReLU network must be to fit labels at the data points, and how wide to fit them on whole balls around the points:
 * the abstract of Gao et al. (2019) says that the latter needs more. Networks for several data sets and initializations train at once,
 * their weights along a leading axis; the attack is part of the compiled step.
 */
import { ascentStep } from "../../attacks/index.ts";
import {
  add,
  grad,
  input,
  matMul,
  mul,
  reduceMin,
  relu,
  reshape,
  stack as stackValues,
  stopGradient,
  sum,
  type Value,
} from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { type Key, normal, scalar, type Tensor, tensor, zeros } from "../../tensor/index.ts";
import { adam } from "../../training/optimizers.ts";
import { logistic } from "./evaluator.ts";
import { checkLabelled, type Labelled, repeatRows, rowsOf, stack } from "./points.ts";
import { balls } from "./sets.ts";
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
  /** Where it computes (default: on this thread). */
  lane?: number;
}

/** Hidden units up to which networks of different widths train together, the narrow ones with units that stay zero: a step takes no longer for that. */
const narrow = 8;

/**
 * The least of `widths` (ascending) at which a network fits each of the data sets, all of equal size; `undefined` where none did. A width above 8 is not
 * tried for a data set that a smaller one has fitted.
 */
export async function leastWidths(
  dataSets: readonly Labelled[],
  widths: readonly number[],
  options: FittingOptions,
): Promise<(number | undefined)[]> {
  const found = dataSets.map((): number | undefined => undefined);
  const together = widths.filter((width) => width <= narrow);
  const groups = [...(together.length > 0 ? [together] : []), ...widths.filter((width) => width > narrow).map((width) => [width])];
  for (const group of groups) {
    const open = [...dataSets.keys()].filter((s) => found[s] === undefined);
    if (open.length === 0) break;
    const fitted = await fits(
      open.map((s) => dataSets[s]),
      group,
      options,
    );
    open.forEach((s, i) => {
      found[s] = group.find((_, k) => fitted[i][k]);
    });
  }
  return found;
}

/** Steps after which it is judged whether a network fits. */
const judgedEvery = 100;

/** Whether a network of each width was found to fit each data set, [data set][width]. Training ends as soon as the first width fits every data set. */
export async function fits(
  dataSets: readonly Labelled[],
  widths: readonly number[],
  { δ, steps, learningRate = 0.02, attackSteps = 10, restarts = 5, seeds = 2, key, lane }: FittingOptions,
): Promise<boolean[][]> {
  dataSets.forEach(checkLabelled);
  const members = dataSets.flatMap((_, set) => widths.flatMap((_, w) => Array.from({ length: seeds }, (_, seed) => ({ set, w, seed }))));
  const repeats = δ > 0 ? restarts : 1;
  const [n, d] = dataSets[0].points.shape;
  const sizes = { B: members.length, n, d, width: Math.max(...widths), δ, lane };
  const x = stack(members.flatMap(({ set }) => rowsOf(dataSets[set].points)));
  const y = tensor(
    members.flatMap(({ set }) => [...dataSets[set].labels]),
    [x.shape[0], 1],
    "float64",
  );
  const judged = { x: repeatRows(x, repeats), y: repeatRows(y, repeats) };
  const start = balls(δ).sample(key.fold("judge"), judged.x);
  const training = await compileTraining({ ...sizes, attackSteps: δ > 0 ? attackSteps : 0 });
  const judging = await compileJudging({ ...sizes, n: n * repeats, attackSteps: δ > 0 ? 20 : 0 });

  const initial = initialize(
    members.map(({ w, seed }) => ({ width: widths[w], key: key.fold("width", widths[w], seed) })),
    sizes,
  );
  let state: Record<string, Tensor> = {
    ...named(initial, "θ"),
    ...Object.assign({}, ...optimizer.slots.map((slot) => named(zerosLike(initial), slot))),
  };
  const carry = Object.fromEntries(Object.keys(state).map((name) => [name, name]));
  const fitted = dataSets.map(() => widths.map(() => false));
  for (let t = 0; t < steps && !fitted.every(([first]) => first); ) {
    const each = Array.from({ length: Math.min(judgedEvery, steps - t) }, () => {
      const scalars = Object.entries({ rate: learningRate, ...optimizer.scalars(++t) });
      return Object.fromEntries(scalars.map(([name, value]) => [name, scalar(value, "float64")]));
    });
    state = await training.iterate({ ...state, x, y }, { each, carry });
    const θ = Object.fromEntries(Object.entries(state).filter(([name]) => name.startsWith("θ ")));
    const { margins } = await judging.run({ ...θ, ...judged, start });
    for (const [i, { set, w }] of members.entries()) if (margins.data[i] > 0) fitted[set][w] = true;
  }
  await Promise.all([training.release(), judging.release()]);
  return fitted;
}

const optimizer = adam();

/** Something for each tensor that the optimizer keeps per weight. */
const perSlot = <T>(make: (slot: string) => T): Record<string, T> => Object.fromEntries(optimizer.slots.map((slot) => [slot, make(slot)]));

/** Sizes of an ensemble: B networks of d inputs and `width` hidden units, n points each, balls of radius δ. */
interface Sizes {
  B: number;
  n: number;
  d: number;
  width: number;
  δ: number;
  attackSteps: number;
  lane?: number;
}

/** Shapes of the weights of B networks f(x) = Σ_r a_r max(w_r·x + b_r, 0) + c. */
function shapes({ B, d, width }: Pick<Sizes, "B" | "d" | "width">) {
  return { w: [B, d, width], b: [B, 1, width], a: [B, width, 1], c: [B, 1, 1] };
}

/** He's initialization, biases zero; where a member is narrower than the others its further units are zero, and stay so. */
function initialize(members: readonly { width: number; key: Key }[], { B, d, width }: Pick<Sizes, "B" | "d" | "width">): Weights {
  const { w, b, a, c } = shapes({ B, d, width });
  const θ = { w: zeros(w, "float64"), b: zeros(b, "float64"), a: zeros(a, "float64"), c: zeros(c, "float64") };
  for (const [i, member] of members.entries()) {
    const own = normal(member.key.fold("w"), [d, member.width], Math.sqrt(2 / d)).data;
    for (let j = 0; j < own.length; j++) θ.w.data[(i * d + Math.floor(j / member.width)) * width + (j % member.width)] = own[j];
    θ.a.data.set(normal(member.key.fold("a"), [member.width], Math.sqrt(2 / member.width)).data, i * width);
  }
  return θ;
}

/** Placeholders of an ensemble on points [B·n, d] and labels [B·n, 1], and f as [B·n, 1]. */
function ensemble(sizes: Sizes) {
  const { B, n, d } = sizes;
  const θ = placeholders(sizes, "θ");
  const f = (x: Value) => reshape(add(matMul(relu(add(matMul(reshape(x, [B, n, d]), θ.w), θ.b)), θ.a), θ.c), [B * n, 1]);
  return { θ, f, x: input("x", [B * n, d], "float64"), y: input("y", [B * n, 1], "float64") };
}

/** A step of Adam on each network's mean loss at the points where the attack ends. */
function compileTraining(sizes: Sizes) {
  const { θ, f, x, y } = ensemble(sizes);
  const slots = perSlot((slot) => placeholders(sizes, slot));
  const scalars = Object.fromEntries(["rate", ...Object.keys(optimizer.scalars(1))].map((name) => [name, input(name, [], "float64")]));
  const attacked = attackPath(f, x, y, x, sizes).at(-1) as Value;
  const names = Object.keys(θ);
  const gradients = grad(mul(sum(logistic(f(attacked), y)), 1 / sizes.n), Object.values(θ));
  const updated = names.map((name, i) =>
    optimizer.update(
      θ[name],
      gradients[i],
      perSlot((slot) => slots[slot][name]),
      scalars,
    ),
  );
  const outputs = names.flatMap((name, i) => [
    [`θ ${name}`, updated[i].w],
    ...optimizer.slots.map((slot) => [`${slot} ${name}`, updated[i].slots[slot]]),
  ]);
  const kept = Object.assign({}, ...optimizer.slots.map((slot) => named(slots[slot], slot)));
  const inputs = { ...named(θ, "θ"), ...kept, ...scalars, x, y };
  return compile(inputs, Object.fromEntries(outputs) as Record<string, Value>, { threads: 1, lane: sizes.lane });
}

/** The least margin y f(x̃) of each network, [B], over its points and all steps of an attack from `start`. */
function compileJudging(sizes: Sizes) {
  const { θ, f, x, y } = ensemble(sizes);
  const start = input("start", x.shape, "float64");
  const margins = [x, ...attackPath(f, x, y, start, sizes)].map((point) => reshape(mul(y, f(point)), [sizes.B, sizes.n]));
  return compile({ ...named(θ, "θ"), x, y, start }, { margins: reduceMin(stackValues(margins), [0, 2]) }, { threads: 1, lane: sizes.lane });
}

/** The points of normalized projected ascent, `start` first. What follows is not differentiated through them. */
function attackPath(f: (x: Value) => Value, centres: Value, y: Value, start: Value, { δ, attackSteps }: Sizes): Value[] {
  const projection = balls(δ).projection(centres);
  const path = [start];
  for (let k = 0; k < attackSteps; k++) {
    const gradient = grad(sum(logistic(f(path[k]), y)), path[k]);
    path.push(stopGradient(ascentStep(path[k], gradient, { direction: "l2", stepSize: (2.5 * δ) / attackSteps, projection })));
  }
  return path;
}

function placeholders(sizes: Sizes, prefix: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(shapes(sizes)).map(([name, shape]) => [name, input(`${prefix} ${name}`, shape, "float64")]));
}

function named<T>(record: Readonly<Record<string, T>>, prefix: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [`${prefix} ${name}`, value]));
}

function zerosLike(θ: Weights): Weights {
  return Object.fromEntries(Object.entries(θ).map(([name, { shape }]) => [name, zeros(shape, "float64")]));
}
