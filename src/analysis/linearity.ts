/** How far a model is from its linearization along given perturbations. */
import type { ExampleMap } from "./jacobian.ts";

/** ‖f(x + z) − f(x) − J(x)z‖₂ per example. In float32 what is below about 1e-6 of ‖f‖ is rounding. */
export async function deviationFromLinearity(map: ExampleMap, x: Float64Array, z: Float64Array): Promise<Float64Array> {
  const rest = await map.remainder(x, z);
  const d = map.outputs;
  return Float64Array.from({ length: map.batch }, (_, b) => Math.hypot(...rest.subarray(b * d, (b + 1) * d)));
}
