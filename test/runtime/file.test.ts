import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { input, relu } from "../../src/graph/index.ts";
import { exportOnnx } from "../../src/onnx/index.ts";
import { ModelProtoSchema } from "../../src/onnx/schema/onnx_pb.ts";
import { compileFile } from "../../src/runtime/file.ts";
import { tensor } from "../../src/tensor/index.ts";

it("runs a file as it is, also one older than what our own programs are written in", async () => {
  const x = input("x", [3]);
  const model = fromBinary(ModelProtoSchema, exportOnnx({ x }, { y: relu(x) }));
  model.opsetImport[0].version = 7n;
  const file = await compileFile(toBinary(ModelProtoSchema, model));
  const { y } = await file.run({ x: tensor([-1, 0, 2], [3]) }, ["y"]);
  expect([...y.data]).toEqual([0, 0, 2]);
  await file.release();
});
