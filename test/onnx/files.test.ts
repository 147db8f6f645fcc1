/** Model files on disk whose tensors lie beside them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterAll, expect, it } from "vitest";
import { readOnnxFile } from "../../src/onnx/node/index.ts";
import { TensorProto_DataType as DataType, TensorProto_DataLocation, TensorProtoSchema } from "../../src/onnx/schema/onnx_pb.ts";
import { modelBytes, node } from "./models.ts";

const folder = mkdtempSync(join(tmpdir(), "onnx-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A model in its own folder whose weights lie at `location`. */
function place(name: string, location: string): string {
  const home = join(folder, name);
  mkdirSync(join(home, "weights"), { recursive: true });
  const w = create(TensorProtoSchema, {
    name: "w",
    dims: [4n, 4n],
    dataType: DataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: "location", value: location },
      { key: "offset", value: "4" },
    ],
  });
  writeFileSync(join(home, "model.onnx"), modelBytes({ node: [node("MatMul", ["x", "w"], ["y"])], initializer: [w] }));
  return home;
}

const numbers = Float32Array.from({ length: 17 }, (_, i) => i);

it("tensors are read from a file beside the model", () => {
  const home = place("good", "weights/w.bin");
  writeFileSync(join(home, "weights", "w.bin"), numbers);
  expect([...(readOnnxFile(join(home, "model.onnx")).initializers.get("w")?.data ?? [])]).toEqual([...numbers.subarray(1)]);
});

it("a link out of the model's folder is not followed", () => {
  const home = place("linked", "weights/w.bin");
  writeFileSync(join(folder, "secret.bin"), numbers);
  symlinkSync(join(folder, "secret.bin"), join(home, "weights", "w.bin"));
  expect(() => readOnnxFile(join(home, "model.onnx"))).toThrow('"weights/w.bin" lies outside the model\'s folder');
});

it("a file that is missing, or a folder, is named", () => {
  const home = place("missing", "nothing.bin");
  expect(() => readOnnxFile(join(home, "model.onnx"))).toThrow('there is no file "nothing.bin"');
  expect(() => readOnnxFile(join(home, "other.onnx"))).toThrow("there is no file");
  expect(() => readOnnxFile(home)).toThrow("cannot be read");
});
