import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { apgd, fmn, runAttack, square } from "../../src/attacks/index.ts";
import { openOracle, withLanes } from "../../src/runs/index.ts";
import { cast, key, uniform } from "../../src/tensor/index.ts";
import { floats, modelBytes, node, port } from "../onnx/models.ts";

const folder = mkdtempSync(join(tmpdir(), "saddle-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [count, classes] = [23, 3];
const target = join(folder, "linear.onnx");
const weight = floats("w", [12, classes], Array.from(uniform(key(2), [12 * classes], -1, 1).data));
writeFileSync(
  target,
  modelBytes({
    node: [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["y"])],
    initializer: [weight],
    input: [port("x", ["N", 1, 4, 3])],
    output: [port("y", ["N", classes])],
  }),
);
const x = cast(uniform(key(1), [count, 1, 4, 3]), "float32");
const data = { shape: [1, 4, 3], bounds: [0, 1] as const, classes: ["a", "b", "c"] };
const threat = { norm: "linf", epsilon: 0.1 } as const;

it("an attack through lanes finds what it finds without, in the order of the examples", async () => {
  const { oracle } = await openOracle(target, data, { batchSize: 8, threads: 1 });
  const wide = withLanes(oracle, 2, { target, data, options: { batchSize: 8 } });
  const labels = (await runAttack(oracle, apgd(), { x, labels: new Int32Array(count) }, threat, { key: key(3) })).cleanPredictions;
  for (const chosen of [apgd({ steps: 10 }), square({ queries: 50 }), fmn({ steps: 10 })]) {
    const options = { key: key(4), stopAtSuccess: false };
    const alone = await runAttack(oracle, chosen, { x, labels }, threat, options);
    let done = 0;
    const together = await runAttack(wide, chosen, { x, labels }, threat, { ...options, onProgress: () => void done++ });
    expect(together.success).toEqual(alone.success);
    expect(together.gradientEvaluations).toEqual(alone.gradientEvaluations);
    expect(Math.max(...together.adversarial.data.map((v, i) => Math.abs(v - alone.adversarial.data[i])))).toBeLessThan(1e-4);
    expect(done).toBe(count);
  }
  await wide.release();
});

it("what goes wrong in a lane is thrown", async () => {
  const { oracle } = await openOracle(target, data, { batchSize: 8, threads: 1 });
  const missing = join(folder, "missing.onnx");
  const wide = withLanes(oracle, 2, { target: missing, data, options: { batchSize: 8 } });
  const attack = runAttack(wide, apgd(), { x, labels: new Int32Array(count) }, threat, { key: key(3) });
  await expect(attack).rejects.toThrow(missing);
  await oracle.release();
});
