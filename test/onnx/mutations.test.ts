/** Real files with random bytes changed, cut out or repeated: a clear error or a model, never a crash, an endless run or another error. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { importModel } from "../../src/models/imported.ts";
import { OnnxError, readOnnx } from "../../src/onnx/index.ts";
import { integers, key } from "../../src/tensor/index.ts";

function mutated(bytes: Uint8Array, seed: number): Uint8Array {
  const [count] = integers(key(seed).fold("count"), 1, 6);
  const result = bytes.slice();
  const places = integers(key(seed).fold("places"), count + 1, bytes.length);
  const values = integers(key(seed).fold("values"), count + 1, 256);
  for (const [i, place] of places.entries()) result[place] = values[i];
  const [from, to] = integers(key(seed).fold("cut"), 2, bytes.length).sort();
  if (seed % 7 === 0) return Uint8Array.from([...result.subarray(0, from), ...result.subarray(to)]);
  return seed % 11 === 0 ? Uint8Array.from([...result.subarray(0, to), ...result.subarray(from)]) : result;
}

/** Names, nodes and shapes fill these files more than weights do. */
it.each(["binary", "vit-14", "resnet"])("of %s", (name) => {
  const bytes = new Uint8Array(readFileSync(new URL(`../fixtures/models/${name}.onnx`, import.meta.url)));
  const structure = name === "binary" ? bytes : bytes.subarray(0, 9000);
  let refused = 0;
  for (let seed = 0; seed < 150; seed++) {
    const broken = Uint8Array.from([...mutated(structure, seed), ...bytes.subarray(structure.length)]);
    try {
      importModel(readOnnx(broken));
    } catch (error) {
      if (!(error instanceof OnnxError)) throw new Error(`mutation ${seed} gave ${error}`, { cause: error });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(30);
});
