/** ONNX's own node cases (Debian's libonnx-testdata): a model, its inputs and the outputs that NumPy gave. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { constant, input, type Value } from "../../src/graph/index.ts";
import { decodeTensor } from "../../src/onnx/decode.ts";
import { OnnxError, type OnnxModel, readOnnx } from "../../src/onnx/index.ts";
import { ModelProtoSchema, TensorProtoSchema } from "../../src/onnx/schema/onnx_pb.ts";
import type { Tensor } from "../../src/tensor/index.ts";

const folder = "/usr/share/libonnx-testdata/data/node";
export const available = existsSync(folder);

export interface ConformanceCase {
  readonly name: string;
  readonly model: OnnxModel;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

export const caseNames = available ? readdirSync(folder).sort() : [];

/** @throws OnnxError when the case has inputs or outputs that are not tensors of numbers. */
export function readCase(name: string): ConformanceCase {
  const model = readOnnx(modernized(readFileSync(join(folder, name, "model.onnx"))));
  const tensors = (kind: "input" | "output", ports: OnnxModel["inputs"]) =>
    Object.fromEntries(
      ports.map((port, i) => {
        if (!port.dtype) throw new OnnxError(`"${port.name}" has elements of ${port.elementType}`);
        const bytes = readFileSync(join(folder, name, "test_data_set_0", `${kind}_${i}.pb`));
        return [port.name, decodeTensor(fromBinary(TensorProtoSchema, bytes))] as const;
      }),
    );
  return { name, model, inputs: tensors("input", model.inputs), outputs: tensors("output", model.outputs) };
}

/** Cases are labelled with the version that last changed their operator, which may be older than what we read; nothing changed up to 9. */
function modernized(bytes: Uint8Array): Uint8Array {
  const file = fromBinary(ModelProtoSchema, bytes);
  for (const entry of file.opsetImport) if (entry.domain === "" && entry.version < 9n) entry.version = 9n;
  return toBinary(ModelProtoSchema, file);
}

/** The case as a graph, with as many inputs as placeholders as can be: those that the operator needs to know beforehand are constants. */
export function buildCase({ model, inputs }: ConformanceCase): { placeholders: Record<string, Value>; values: Record<string, Value> } {
  const names = Object.keys(inputs);
  const choices = [names.filter((name) => inputs[name].dtype.startsWith("float")), names.slice(0, 1), []];
  for (const open of choices) {
    const placeholders = Object.fromEntries(open.map((name) => [name, input(name, inputs[name].shape, inputs[name].dtype as "float32")]));
    const known = Object.fromEntries(names.filter((name) => !open.includes(name)).map((name) => [name, constant(inputs[name])]));
    try {
      return { placeholders, values: model.build({ ...placeholders, ...known }) };
    } catch (error) {
      if (!(error instanceof OnnxError && /constant|known/.test(error.message)) || open.length === 0) throw error;
    }
  }
  throw new OnnxError("unreachable");
}
