/** What a user may get wrong, and what is said: each message names the thing, the place and what would be right. */
import { afterAll, describe, expect, it } from "vitest";
import {
  apgd,
  autoAttack,
  blackBox,
  carliniWagner,
  catalogue,
  ddn,
  deepFool,
  expectation,
  fab,
  fgsm,
  fmn,
  hopSkipJump,
  modelOracle,
  noise,
  pgd,
  runAttack,
  spsa,
  square,
  transfer,
} from "../../src/attacks/index.ts";
import { evaluateOptions } from "../../src/cli/commands/evaluate.ts";
import { readOptions } from "../../src/cli/options.ts";
import { evaluate, minimumDistances, recheck } from "../../src/evaluation/index.ts";
import { assemble, flatten, linear, sequential } from "../../src/models/index.ts";
import { cast, key, tensor, uniform } from "../../src/tensor/index.ts";

const [count, classes, width] = [6, 3, 4];
const x = cast(uniform(key(1), [count, width], 0.2, 0.8), "float32");
const labels = [0, 1, 2, 0, 1, 2];
const build = (classes: number) =>
  assemble("net", sequential(flatten, linear(classes)), { inputShape: [width], classes }).initialize(key(2));
const net = build(classes);
const oracle = modelOracle(net, { batchSize: 8, threads: 1 });
const binary = modelOracle(build(2), { batchSize: 8, threads: 1 });
const blind = blackBox(({ shape: [n] }) => tensor(new Float32Array(n * classes), [n, classes]), {
  inputShape: [width],
  domain: { low: 0, high: 1 },
  classes,
});
const broken = blackBox(() => tensor(new Float32Array(3), [3]), { inputShape: [width], domain: { low: 0, high: 1 }, classes });
afterAll(async () => {
  await oracle.release();
  await binary.release();
});

type Threat = Parameters<typeof runAttack>[3];
const at: Threat = { norm: "linf", epsilon: 0.1 };
const run = (data: object = {}, threat: object = {}, chosen = pgd({ steps: 2 }), of = oracle) =>
  runAttack(of, chosen, { x, labels, ...data }, { ...at, ...threat }, { key: key(0) });
const changed = (place: number, value: number) => ({ x: { ...x, data: x.data.map((v, i) => (i === place ? value : v)) } });
const type = (given: Record<string, unknown>) => async () =>
  readOptions(evaluateOptions, { target: "m", ...given }, { positional: ["target"] });

const cases: [string, () => Promise<unknown>, string][] = [
  ["a negative ε", () => run({}, { epsilon: -0.1 }), "ε must be a finite number ≥ 0 in input units, but for example 0 it is -0.1"],
  ["ε that is no number", () => run({}, { epsilon: Number.NaN }), "for example 0 it is NaN"],
  ["ε without bound in an attack with a ball", () => run({}, { epsilon: Number.POSITIVE_INFINITY }), "it is Infinity"],
  ["ε in grey levels", () => run({}, { epsilon: 8 }), "ε = 8 reaches across the whole input domain [0, 1]"],
  ["an L2 ε larger than the domain", () => run({}, { norm: "l2", epsilon: 3 }), "e.g. 8/255 for 8 grey levels"],
  ["too few ε", () => run({}, { epsilon: [0.1, 0.2] }), "2 values of ε for 6 examples"],
  ["one bad ε among many", () => run({}, { epsilon: [0.1, 0.1, -1, 0.1, 0.1, 0.1] }), "for example 2 it is -1"],
  ["an unknown norm", () => run({}, { norm: "l3" }), "pgd is defined for linf, l2, l1, not for l3"],
  [
    "a norm that no attack knows",
    () => run({}, { norm: "l7" }, { ...noise(), steps: noise().steps, norms: ["l7" as "l2"] } as never),
    'no norm "l7"',
  ],
  ["PGD in L0", () => run({}, { norm: "l0", epsilon: 2 }), "pgd is defined for linf, l2, l1"],
  ["Square in L1", () => run({}, { norm: "l1" }, square()), "square is defined for linf, l2, not for l1"],
  ["DDN in L∞", () => run({}, {}, ddn()), "ddn is defined for l2"],
  ["C&W in L∞", () => run({}, {}, carliniWagner()), "carlini-wagner is defined for l2"],
  ["DeepFool in L1", () => run({}, { norm: "l1" }, deepFool()), "deepfool is defined for linf, l2"],
  ["FAB in L0", () => run({}, { norm: "l0", epsilon: 2 }, fab()), "fab is defined for linf, l2, l1"],
  ["HopSkipJump in L1", () => run({}, { norm: "l1" }, hopSkipJump()), "hop-skip-jump is defined for linf, l2"],
  ["AutoAttack in L0", async () => autoAttack("standard", "l0", oracle), "in l0 use fmn"],
  [
    "Square in L2 on what is no picture",
    () => run({ labels: [...ownLabels] }, { norm: "l2", epsilon: 0.2 }, square()),
    "pictures of at least 5 × 5",
  ],
  ["a mask that does not fit", () => run({}, { mask: [1, 0] }), "one entry per input component (4), for all examples or for each, not 2"],
  ["ε by component in L2", () => run({}, { norm: "l2", scale: [1, 1, 1, 1] }), "an ε per component is an L∞ notion"],
  ["too few shares", () => run({}, { scale: [1] }), "one share per input component (4), not 1"],
  ["a share above 1", () => run({}, { scale: [1, 2, 1, 1] }), "component 1 has 2"],
  ["inputs of another width", () => run({ x: tensor(new Float32Array(12), [4, 3]) }), "the model takes inputs [N,4], not [4,3]"],
  ["a single example without the batch axis", () => run({ x: tensor(new Float32Array(4), [4]), labels: [0] }), "not [4]"],
  ["float64 inputs", () => run({ x: cast(x, "float64") }), 'inputs are float32, not float64: convert them with cast(x, "float32")'],
  ["no examples", () => run({ x: tensor(new Float32Array(0), [0, 4]), labels: [] }), "there are no examples"],
  ["too few labels", () => run({ labels: [0] }), "1 labels for 6 inputs"],
  ["a label out of range", () => run({ labels: [0, 1, 2, 3, 0, 1] }), "example 3 has the class 3, but the model knows 0 … 2"],
  ["a negative label", () => run({ labels: [0, -1, 2, 0, 0, 1] }), "example 1 has the class -1"],
  ["a label that is no whole number", () => run({ labels: [0, 1, 0.5, 0, 0, 1] }), "example 2 has the class 0.5"],
  ["one-hot labels", () => run({ labels: new Array(18).fill(0) }), "18 labels for 6 inputs"],
  ["a target out of range", () => run({ targets: [1, 2, 0, 1, 2, 9] }), "example 5 has the class 9"],
  ["too few targets", () => run({ targets: [1] }), "1 targets for 6 inputs"],
  ["a target that is the true class", () => run({ targets: [1, 1, 0, 1, 2, 0] }), "the target of example 1 is its own class 1"],
  ["NaN in an input", () => run(changed(9, Number.NaN)), "example 2 has the value NaN outside the input domain [0, 1]"],
  ["∞ in an input", () => run(changed(0, Number.POSITIVE_INFINITY)), "example 0 has the value Infinity"],
  ["pixels in 0 … 255", () => run(changed(5, 200)), "example 1 has the value 200 outside the input domain [0, 1]"],
  ["normalized inputs", () => run(changed(4, -1.8)), "inputs and ε share the units of this domain"],
  ["an unknown parameter", async () => pgd({ step: 3 } as object), 'pgd has no parameter "step"; it has steps, stepSize'],
  ["half a step", async () => pgd({ steps: 2.5 }), "steps of pgd must be a whole number, not 2.5"],
  ["a negative number of steps", async () => apgd({ steps: -1 }), "steps of apgd must be a number ≥ 0, not -1"],
  ["a text for a number", async () => fmn({ steps: "100" } as object), 'steps of fmn must be a number, not "100"'],
  ["a number for yes or no", async () => fgsm({ randomStart: 1 } as object), "randomStart of fgsm must be true or false, not 1"],
  ["NaN for a rate", async () => spsa({ rate: Number.NaN }), "rate of spsa must be a number, not null"],
  [
    "DLR with two classes",
    () => run({ labels: binaryLabels }, {}, apgd({ loss: "dlr" }), binary),
    '"dlr" needs at least 3 classes, but the model has 2',
  ],
  ["targeted DLR with three", () => run({ labels: [...ownLabels] }, {}, catalogue["apgd-t"]()), '"targeted-dlr" needs at least 4 classes'],
  [
    "gradients of a model that only predicts",
    () => run({ labels: new Array(6).fill(0) }, {}, pgd(), blind),
    "pgd needs gradients, and this model only predicts scores: use square",
  ],
  ["a model that gives the wrong shape", () => run({}, {}, noise(), broken), "the model gave 3 rows of scores for 6 points"],
  ["a ball attack called without ε", () => pgd()(net, x, labels), "pgd needs epsilons, radii in input units such as [0.1, 0.3]"],
  [
    "points to transfer that do not fit",
    () => run({ labels: [...ownLabels] }, {}, transfer(tensor(new Float32Array(4), [2, 2]))),
    "no row",
  ],
  ["an expectation over nothing", async () => expectation(oracle, 0), "samples must be a whole number > 0, not 0"],
  [
    "distances by an attack that knows none",
    () => minimumDistances(oracle, { x, labels }, "l2", { attacks: [pgd()] }),
    "distances need fmn, ddn, fab",
  ],
  [
    "an evaluation on the wrong inputs",
    () => evaluate(oracle, { x: tensor(new Float32Array(5), [1, 5]), labels: [0] }, at),
    "inputs [N,4], not [1,5]",
  ],
  ["a witness of nobody", () => recheck(oracle, x, at, [{ index: 77, label: 0, adversarial: 1, point: x }]), "example 77"],
  ["an unknown attack on the command line", type({ attack: "pgdd" }), 'not "pgdd"; did you mean pgd?'],
  ["a negative ε on the command line", type({ eps: "-1" }), '--eps holds "-1"'],
  ["a word for ε", type({ eps: "0.1,large" }), '--eps holds "large", which is no number of at least 0, nor a fraction such as 8/255'],
  ["an unknown norm on the command line", type({ norm: "linff" }), 'not "linff"; did you mean linf?'],
  ["no attack at all", type({ attack: "" }), "--attack must be at least 1"],
  ["no steps", type({ steps: "0" }), "--steps must be at least 1, not 0"],
];

/** What the models say of the inputs, so that attacks begin. */
let ownLabels: number[] = labels;
let binaryLabels: number[] = labels;
{
  const identity = { norm: "linf", epsilon: 0 } as const;
  const says = async (of: typeof oracle) => [
    ...(await runAttack(of, noise(), { x, labels: new Array(count).fill(0) }, identity, { key: key(0) })).cleanPredictions,
  ];
  [ownLabels, binaryLabels] = [await says(oracle), await says(binary)];
}

describe(`${cases.length} kinds of bad input are refused in words`, () => {
  it.each(cases)("%s", async (_, act, message) => {
    const error = await (async () => act())().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toContain(message);
  });
});
