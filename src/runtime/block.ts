/** Whether the processor's engine has a blocked layout, and with how many channels a block: found out once, by reordering a ramp. */
import { input } from "../graph/index.ts";
import { exportOnnx } from "../onnx/export.ts";
import { tensor } from "../tensor/index.ts";
import type { Backend } from "./backend.ts";
import { formDomains, formRules, reorderInput } from "./lowering/forms.ts";

let found: Promise<number | undefined> | undefined;

/** 16 with AVX-512, 8 with AVX2; undefined where the layout is missing. */
export function blockSize(engine: Backend): Promise<number | undefined> {
  found ??= probe(engine);
  return found;
}

async function probe(engine: Backend): Promise<number | undefined> {
  const channels = 64;
  const x = input("x", [1, channels, 1, 2]);
  try {
    const model = exportOnnx({ x }, { y: reorderInput(x, 1) }, { extraRules: formRules, domains: formDomains });
    const session = await engine.session(model, { device: "cpu" });
    const ramp = tensor(
      Array.from({ length: 2 * channels }, (_, i) => i),
      x.shape,
    );
    const { y } = await session.run({ x: ramp }, { y: undefined });
    await session.release();
    // The first block holds the first pixel of its channels: the ramp's even numbers up to twice the block's size.
    const block = Array.from(y.data as Float32Array).indexOf(1);
    return block > 1 && block < channels ? block : undefined;
  } catch {
    return undefined;
  }
}
