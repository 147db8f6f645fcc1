/** Reading a model file: nothing in it is trusted. */
import { fromBinary } from "@bufbuild/protobuf";
import { buildModel } from "./build.ts";
import { elementName } from "./elements.ts";
import { OnnxError } from "./errors.ts";
import type { OnnxModel } from "./model.ts";
import { type ReadOptions, readFunction, readGraph, readOpsets } from "./parse.ts";
import { type ModelProto, ModelProtoSchema } from "./schema/onnx_pb.ts";

/** Versions of the standard operators that are understood. */
export const oldestOpset = 7;
export const newestOpset = 21;

/**
 * The model in the bytes of an .onnx file.
 * @throws OnnxError when the bytes are no model, or one that contradicts itself, is of another version, or asks for what is not there.
 */
export function readOnnx(bytes: Uint8Array, { externalData }: ReadOptions = {}): OnnxModel {
  const file = decoded(bytes);
  if (!file.graph) throw new OnnxError("the file holds no graph, so it is not an ONNX model");
  const opsets = readOpsets(file.opsetImport);
  const opset = opsets.get("");
  if (opset === undefined) throw new OnnxError("the model does not say which version of the standard operators it uses (opset_import)");
  if (opset < oldestOpset || opset > newestOpset) {
    throw new OnnxError(
      `the model uses opset ${opset}; ${oldestOpset} to ${newestOpset} are supported: export it anew, or convert it with onnx.version_converter`,
    );
  }
  const functions = new Map(file.functions.map((f) => [`${f.domain}:${f.name}`, readFunction(f, opsets)]));
  const model: OnnxModel = {
    ...readGraph(file.graph, { externalData }),
    producer: [file.producerName, file.producerVersion].filter(Boolean).join(" "),
    opset,
    opsets,
    functions,
    elementTypes: new Map(file.graph.initializer.map((proto) => [proto.name, elementName(proto.dataType)])),
    file,
    build: (inputs, initializers = {}, outputs = model.outputs.map(({ name }) => name)) => buildModel(model, inputs, initializers, outputs),
  };
  return model;
}

function decoded(bytes: Uint8Array): ModelProto {
  if (bytes.length === 0) throw new OnnxError("the file is empty");
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new OnnxError("the file is not an ONNX model, or it is truncated: its protobuf encoding is broken", { cause });
  }
}
