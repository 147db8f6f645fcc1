/** Recurrent layers, unrolled over the steps of the (static) sequence. */
import {
  add,
  constant,
  elu,
  leakyRelu,
  matMul,
  mul,
  relu,
  sigmoid,
  sliceAxis,
  softplus,
  squeeze,
  stack,
  sub,
  tanh,
  transpose,
  type Value,
  where,
} from "../../graph/index.ts";
import { tensor, zeros } from "../../tensor/index.ts";
import type { NodeReader } from "../reader.ts";
import type { ImportRules } from "./rule.ts";

export const recurrent: ImportRules = {
  RNN: (node) => unrolled(node, 1, rnnCell),
  GRU: (node) => unrolled(node, 3, gruCell),
  LSTM: (node) => unrolled(node, 4, lstmCell),
};

const longestSequence = 4096;

type Activation = (x: Value) => Value;
interface State {
  hidden: Value;
  cell?: Value;
}
/** Weights of one direction, transposed to [inputs, gates·H] and [H, gates·H]; bias rows as ONNX orders them, input's then recurrence's. */
interface Weights {
  input: Value;
  recurrence: Value;
  bias: Value;
  recurrentBias: Value;
  peephole?: Value;
}
type Cell = (x: Value, state: State, weights: Weights, f: readonly Activation[], node: NodeReader) => State;

const activations: Readonly<Record<string, Activation>> = {
  sigmoid,
  tanh,
  relu,
  softplus,
  leakyrelu: (x) => leakyRelu(x, { alpha: 0.01 }),
  elu: (x) => elu(x, { alpha: 1 }),
  affine: (x) => x,
};

const rnnCell: Cell = (x, { hidden }, w, [f]) => ({
  hidden: f(add(add(matMul(x, w.input), w.bias), add(matMul(hidden, w.recurrence), w.recurrentBias))),
});

/** Gates z (update), r (reset), h: h′ = (1 − z)∘g + z∘h. */
const gruCell: Cell = (x, { hidden }, w, [f, g], node) => {
  const size = hidden.shape[1];
  const gate = (value: Value, i: number) => sliceAxis(value, value.shape.length - 1, i * size, (i + 1) * size);
  const fromInput = add(matMul(x, w.input), w.bias);
  const fromHidden = add(matMul(hidden, w.recurrence), w.recurrentBias);
  const z = f(add(gate(fromInput, 0), gate(fromHidden, 0)));
  const r = f(add(gate(fromInput, 1), gate(fromHidden, 1)));
  const recalled = node.flag("linear_before_reset")
    ? mul(r, gate(fromHidden, 2))
    : add(matMul(mul(r, hidden), gate(w.recurrence, 2)), gate(w.recurrentBias, 2));
  const candidate = g(add(gate(fromInput, 2), recalled));
  return { hidden: add(mul(sub(1, z), candidate), mul(z, hidden)) };
};

/** Gates i, o, f, c: c′ = f∘c + i∘g, h′ = o∘tanh(c′). */
const lstmCell: Cell = (x, { hidden, cell }, w, [f, g, h], node) => {
  const size = hidden.shape[1];
  const gate = (value: Value, i: number) => sliceAxis(value, value.shape.length - 1, i * size, (i + 1) * size);
  const before = cell as Value;
  const total = add(add(matMul(x, w.input), w.bias), add(matMul(hidden, w.recurrence), w.recurrentBias));
  const peeped = (value: Value, i: number, source: Value) => (w.peephole ? add(value, mul(gate(w.peephole, i), source)) : value);
  const input = f(peeped(gate(total, 0), 0, before));
  const forget = node.flag("input_forget") ? sub(1, input) : f(peeped(gate(total, 2), 2, before));
  const after = add(mul(forget, before), mul(input, g(gate(total, 3))));
  return { hidden: mul(f(peeped(gate(total, 1), 1, after)), h(after)), cell: after };
};

/** Outputs Y [T, directions, N, H], last hidden [directions, N, H], and for LSTM the last cell; batch first with `layout` 1. */
function unrolled(node: NodeReader, gates: number, cell: Cell): readonly Value[] {
  const batchFirst = node.integer("layout", 0) === 1;
  const x = batchFirst ? transpose(node.input(0), [1, 0, 2]) : node.input(0);
  const [steps, batch] = x.shape;
  if (steps > longestSequence) node.fail(`runs over ${steps} steps, which is too long to unroll`);
  const size = node.integer("hidden_size", node.input(2).shape[2]);
  const direction = node.text("direction", "forward");
  const names = node.texts("activations")?.map((name) => name.toLowerCase());
  const perDirection = gates === 1 ? ["tanh"] : gates === 3 ? ["sigmoid", "tanh"] : ["sigmoid", "tanh", "tanh"];
  if (node.has("clip")) node.fail("clips its cells, which is not supported");
  const lengths = node.knownOptional(4);
  const whole = !lengths || lengths.every((length) => length === steps);
  const ways = direction === "bidirectional" ? ["forward", "reverse"] : [direction];
  const runs = ways.map((way, d) => {
    const own = (value: Value, axis = 0) => squeeze(sliceAxis(value, axis, d, d + 1), [axis]);
    const chosen = (names ? names.slice(d * perDirection.length, (d + 1) * perDirection.length) : perDirection).map(
      (name) => activations[name] ?? node.fail(`uses the activation "${name}", which is not supported`),
    );
    const bias = node.optional(3);
    const half = (i: number) =>
      bias ? sliceAxis(own(bias), 0, i * gates * size, (i + 1) * gates * size) : constant(zeros([gates * size], x.dtype));
    const peephole = gates === 4 ? node.optional(7) : undefined;
    const weights = {
      input: transpose(own(node.input(1))),
      recurrence: transpose(own(node.input(2))),
      bias: half(0),
      recurrentBias: half(1),
      peephole: peephole && own(peephole),
    };
    const initial = (index: number) => {
      const given = node.optional(index);
      return given ? own(given, batchFirst ? 1 : 0) : constant(zeros([batch, size], x.dtype));
    };
    let state: State = { hidden: initial(5), cell: gates === 4 ? initial(6) : undefined };
    if (way === "reverse" && !whole) node.fail("runs backwards over sequences of different lengths, which is not supported");
    const outputs = new Array<Value>(steps);
    for (let s = 0; s < steps; s++) {
      const t = way === "reverse" ? steps - 1 - s : s;
      const next = cell(squeeze(sliceAxis(x, 0, t, t + 1), [0]), state, weights, chosen, node);
      if (whole) {
        state = next;
        outputs[t] = next.hidden;
        continue;
      }
      const running = constant(
        tensor(
          (lengths as number[]).map((length) => Number(t < length)),
          [batch, 1],
          "bool",
        ),
      );
      const keep = (after: Value, before: Value) => where(running, after, before);
      outputs[t] = where(running, next.hidden, 0);
      state = { hidden: keep(next.hidden, state.hidden), cell: next.cell && keep(next.cell, state.cell as Value) };
    }
    return { outputs: stack(outputs), state };
  });
  const y = stack(
    runs.map((run) => run.outputs),
    1,
  );
  const last = stack(runs.map((run) => run.state.hidden));
  const cells = gates === 4 ? [stack(runs.map((run) => run.state.cell as Value))] : [];
  if (!batchFirst) return [y, last, ...cells];
  return [transpose(y, [2, 0, 1, 3]), ...[last, ...cells].map((value) => transpose(value, [1, 0, 2]))];
}
