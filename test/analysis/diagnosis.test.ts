import { describe, expect, it } from "vitest";
import { diagnose, shares } from "../../src/analysis/diagnosis.ts";
import { architecture } from "../../src/models/index.ts";
import { cast, key, tensor, uniform } from "../../src/tensor/index.ts";

const diagnosed = (classes: number) => {
  const model = architecture("mlp", { inputShape: [12], classes, width: 16 }).initialize(key(3));
  const x = cast(uniform(key(5), [4, 12]), "float32");
  const y = tensor(Int32Array.of(0, 1, 2, 0), [4], "int32");
  return diagnose(model, x, y, { norm: "l2", epsilon: 0.2, steps: 5, key: key(1) });
};

describe("a diagnosis", () => {
  it("decomposes whole Jacobians where there are few outputs", async () => {
    const { spectrum, alignment, norms, along } = await diagnosed(3);
    expect(spectrum.clean).toHaveLength(3);
    expect(norms[0].mean).toBeCloseTo(spectrum.clean[0], 3);
    expect(alignment?.adversarial).toHaveLength(3);
    expect(along.sigma.adversarial[shares.indexOf(1)]).toBeCloseTo(spectrum.adversarial[0], 4);
  });

  it("takes the largest singular value alone, by Lanczos, where there are many", async () => {
    const { spectrum, alignment, norms, along } = await diagnosed(70);
    expect(alignment).toBeUndefined();
    expect(spectrum.clean).toHaveLength(1);
    expect(norms[0].mean).toBeCloseTo(spectrum.clean[0], 3);
    expect(along.sigma.adversarial[shares.indexOf(1)]).toBeCloseTo(spectrum.adversarial[0], 4);
  });
});
