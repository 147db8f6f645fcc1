import { describe, expect, it } from "vitest";
import { constant, evaluate, substitute } from "../../src/graph/index.ts";
import { compile } from "../../src/runtime/index.ts";
import { toFloat64 } from "../../src/tensor/index.ts";
import { distance } from "./helpers.ts";
import { networkCases } from "./networks.ts";

describe("networks and their gradients are those of the reference rules, in either layout, also with constant weights", () => {
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
      const [x, ...weights] = Object.keys(inputs);
      const [fixed] = substitute([output], new Map(weights.map((name) => [inputs[name], constant(feeds[name])])));
      const executable = await compile({ [x]: inputs[x] }, { output: fixed });
      expect(distance(toFloat64((await executable.run({ [x]: feeds[x] })).output), expected.data), "constant").toBeLessThan(1e-5);
      await executable.release();
    });
  }
});
