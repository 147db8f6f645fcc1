/** Writes the drawn digits to an .npz file, for `digits_difficulty.py`: npx tsx bench/digits_export.ts digits.npz */
import { writeFileSync } from "node:fs";
import { digits, encodeNpz } from "../src/data/index.ts";

const start = performance.now();
const [train, test] = [digits({ split: "train" }), digits({ split: "test" })];
console.log(`drew ${train.labels.length + test.labels.length} digits in ${((performance.now() - start) / 1000).toFixed(2)} s`);
const labels = (values: Int32Array) => ({ dtype: "int32", shape: [values.length], data: values }) as const;
const arrays = { x_train: train.inputs, y_train: labels(train.labels), x_test: test.inputs, y_test: labels(test.labels) };
writeFileSync(process.argv[2] ?? "digits.npz", encodeNpz(arrays));
