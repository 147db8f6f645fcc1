import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/graph/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { toFloat64 } from "../../src/tensor/index.ts";
import { distance } from "./helpers.ts";
import { networkCases } from "./networks.ts";

describe("networks and their gradients are those of the reference rules, in either layout", () => {
  for (const { name, build } of networkCases) {
    it(name, async () => {
      const { inputs, feeds, output } = build("float32");
      const [expected] = evaluate([output], feeds);
      for (const blocked of [false, true]) {
        const executable = await compile(inputs, { output }, { blocked });
        const result = (await executable.run(feeds)).output;
        await executable.release();
        expect(distance(toFloat64(result), expected.data), blocked ? "blocked" : "plain").toBeLessThan(1e-5);
      }
    });
  }
});
