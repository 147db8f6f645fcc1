/**
 * Results that are written where they are wanted, and not copied besides. ONNX Runtime for Node turns every output into a new JavaScript array, also
 * one that it has just written to memory given for it: for a step of training that is more copying than computing, and garbage whose collector
 * competes with the engine's threads. It turns them one after the other, and gives up at one that is no tensor; so an empty sequence stands before
 * the others, which makes it stop when everything is computed and nothing copied.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "../../onnx/schema/onnx_pb.ts";

/** Name of the output at which the engine gives up. */
export const unreturned = "unreturned";

/** The model with that output first. Bytes of a message before those of another join them, lists one after the other. */
export function withUnreturned(model: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + model.length);
  joined.set(first);
  joined.set(model, first.length);
  return joined;
}

const tensorType = { value: { case: "tensorType" as const, value: { elemType: 1 } } };
const first = toBinary(
  ModelProtoSchema,
  create(ModelProtoSchema, {
    graph: {
      node: [{ opType: "SequenceEmpty", output: [unreturned] }],
      output: [{ name: unreturned, type: { value: { case: "sequenceType", value: { elemType: tensorType } } } }],
    },
  }),
);
