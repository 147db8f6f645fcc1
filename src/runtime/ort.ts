/** What ONNX Runtime for Node and for the web have in common. */
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-node";
import { alignedZeros, type DType, type Tensor } from "../tensor/index.ts";
import type { Iteration, Session } from "./backend.ts";

/** What every session leaves out: a pass that would carry a scale in a float32 attribute, also in float64 graphs, where 0.1 would lose nine digits. */
export const optimization = { disable_specified_optimizers: "MatMulScaleFusion" };

/** How an engine writes results to memory given for them: the output at which it then stops returning copies, and what it says there. */
export interface InPlace {
  readonly unreturned: string;
  readonly message: string;
}

/** Results shorter than this many bytes are copied faster than the engine says that it cannot return them. */
const worthwhile = 32768;

/** Our session around one of ONNX Runtime's. Without `inPlace`, results are copied to where they are wanted. */
export function wrapSession(
  session: Pick<InferenceSession, "run" | "release">,
  OrtTensorClass: TensorConstructor,
  inPlace?: InPlace,
): Session {
  const toOrt = ({ dtype, data, shape }: Tensor) => new OrtTensorClass(dtype, data as Float32Array, shape) as OrtTensor;
  const ours: Session = {
    async run(feeds, wanted) {
      const given = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toOrt(value)]));
      const targets = Object.values(wanted);
      if (inPlace && targets.every((target) => target !== undefined) && bytesOf(targets) >= worthwhile) {
        const places = Object.entries(wanted as Record<string, Tensor>).map(([name, target]) => [name, toOrt(target)]);
        await session.run(given, { [inPlace.unreturned]: null, ...Object.fromEntries(places) }).catch((error: Error) => {
          if (error.message !== inPlace.message) throw error;
        });
        return wanted as Record<string, Tensor>;
      }
      const results = await session.run(given, Object.keys(wanted));
      return Object.fromEntries(Object.entries(wanted).map(([name, target]) => [name, written(fromOrt(results[name]), target)]));
    },
    iterate: (feeds, wanted, iteration) => iterate(ours.run, feeds, wanted, iteration),
    release: () => session.release(),
  };
  return ours;
}

/** The runs, whose outputs go to `wanted` and to a second memory in turns, to end in `wanted`. */
async function iterate(
  run: Session["run"],
  feeds: Readonly<Record<string, Tensor>>,
  wanted: Readonly<Record<string, Tensor>>,
  { each, carry }: Iteration,
): Promise<Readonly<Record<string, Tensor>>> {
  const other = each.length > 1 ? alignedZerosLike(wanted) : wanted;
  let given = feeds;
  for (const [i, own] of each.entries()) {
    const computed = await run({ ...given, ...own }, (each.length - i) % 2 === 1 ? wanted : other);
    given = { ...given, ...Object.fromEntries(Object.entries(carry).map(([name, output]) => [name, computed[output]])) };
  }
  return wanted;
}

function alignedZerosLike(tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const made = alignedZeros(Object.values(tensors));
  return Object.fromEntries(Object.keys(tensors).map((name, i) => [name, made[i]]));
}

function written(result: Tensor, target: Tensor | undefined): Tensor {
  if (!target) return result;
  (target.data as Float32Array).set(result.data as Float32Array);
  return target;
}

const bytesOf = (tensors: readonly Tensor[]) => tensors.reduce((bytes, { data }) => bytes + data.byteLength, 0);

function fromOrt(result: OrtTensor): Tensor {
  return { dtype: result.type as DType, shape: [...result.dims], data: result.data as Float32Array };
}
