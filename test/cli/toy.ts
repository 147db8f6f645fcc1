/** A tiny laboratory: three remembered pieces, one of which can be made slow or broken from outside. */
import { claim, type Laboratory } from "../../src/papers/laboratory.ts";
import { normal } from "../../src/tensor/random.ts";

interface Toy {
  means: number[];
}

export const laboratory: Laboratory<Toy> = {
  name: "toy",
  reference: "A. Author: A toy, 2026",
  setUp: "Means of normal numbers.",
  minutes: { full: 0.5 },
  async run({ key, remember, progress }) {
    const means: number[] = [];
    for (let i = 0; i < 3; i++) {
      progress(`mean ${i}`, i / 3);
      means.push(
        await remember(`mean ${i}`, () => {
          // As float64 work does, it keeps the event loop to itself.
          for (const end = performance.now() + Number(process.env.TOY_BUSY_MS ?? 0); performance.now() < end; );
          console.log("a stray word on stdout");
          const { data } = normal(key.fold(i), [100]);
          return data.reduce((sum, value) => sum + value, 0) / 100;
        }),
      );
    }
    return { means };
  },
  claims: [
    claim({
      id: "T1",
      statement: "means are small",
      provenance: "derived",
      criterion: "|mean| < 0.5",
      measure: ({ means }) => ({ measured: means[0], holds: Math.abs(means[0]) < 0.5 }),
    }),
    claim({
      id: "T2",
      statement: "means are zero",
      provenance: "paper",
      expected: "fails",
      criterion: "mean = 0",
      measure: ({ means }) => ({ measured: { mean: means[1] }, holds: means[1] === 0 }),
    }),
    claim({
      id: "T3",
      statement: "the toy is whole",
      provenance: "proposed",
      criterion: "TOY_BROKEN is not set",
      measure() {
        if (process.env.TOY_BROKEN === "throw") throw new Error("the toy broke");
        return { measured: process.env.TOY_BROKEN ?? "whole", holds: process.env.TOY_BROKEN === undefined };
      },
    }),
  ],
  figures: ({ means }) => [
    {
      kind: "chart",
      title: "Means",
      caption: "Three of them.",
      x: { label: "i" },
      y: { label: "mean" },
      series: [{ name: "means", x: [0, 1, 2], y: means }],
    },
    { kind: "table", title: "The same", caption: "As numbers.", columns: ["i", "mean"], rows: means.map((mean, i) => [i, mean]) },
  ],
};
