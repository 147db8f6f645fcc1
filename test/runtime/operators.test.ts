import { describe, expect, it } from "vitest";
import { evaluate, operators, topological } from "../../src/graph/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { toFloat64 } from "../../src/tensor/index.ts";
import { cases } from "./cases.ts";
import { distance } from "./helpers.ts";

/** Float32 kernels against float64 rules: a few roundings of sums of some dozen terms. */
const tolerance = { float32: 3e-6, float64: 1e-13 } as const;

describe("the engine computes what the reference rules compute", () => {
  for (const { name, dtypes, build } of cases) {
    for (const dtype of dtypes) {
      it(`${name}, ${dtype}`, async () => {
        const { inputs, feeds, output } = build(dtype);
        const executable = await compile(inputs, { output });
        const { output: result } = await executable.run(feeds);
        await executable.release();
        const [expected] = evaluate([output], feeds);
        expect(result.shape).toEqual(expected.shape);
        expect(result.dtype).toBe(output.dtype);
        const exact = output.dtype !== "float32" && output.dtype !== "float64";
        expect(distance(toFloat64(result), expected.data)).toBeLessThanOrEqual(exact ? 0 : tolerance[output.dtype as "float32"]);
      });
    }
  }
});

it("there is a case for every operator", () => {
  const covered = new Set(cases.flatMap(({ dtypes, build }) => topological([build(dtypes[0]).output]).map((value) => value.operator.name)));
  expect([...operators.keys()].filter((name) => !covered.has(name))).toEqual([]);
});
