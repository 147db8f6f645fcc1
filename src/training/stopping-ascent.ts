/**
 * Ascent in which every example stops by itself, as soon as it has converged well enough: FOSC ≤ threshold (Wang et al. 2019, Algorithm 1).
 * The gradient that measures an example's convergence is the one that its next step goes along.
 */
import { paddedSize } from "../attacks/index.ts";
import type { Executable } from "../runtime/index.ts";
import { aligned, type Tensor, takeRows } from "../tensor/index.ts";
import type { Workbench } from "./defense.ts";
import { type AscentRequest, ascentFeeds, compileAscentStep, type InnerAscentOptions, weightFeeds } from "./inner-ascent.ts";

export interface StoppingAscentOptions extends InnerAscentOptions {
  /**
   * Whether stopped examples stay in the batch. They must where batch statistics couple the examples; elsewhere they leave, and what remains is
   * computed in batches of half, a quarter, … the size, padded.
   */
  masked?: boolean;
}

export interface StoppingRequest extends AscentRequest {
  /** c_t */
  threshold: number;
  /** x_ref of FOSC; by default x. */
  origin?: Tensor<"float32">;
}

export interface StoppedAscent {
  /** A buffer that the next call overwrites. */
  point: Tensor<"float32">;
  /** Steps that each example made: at least one. */
  steps: Int32Array;
  /** Gradients computed, for all examples together. */
  gradientEvaluations: number;
}

export interface StoppingAscent {
  ascend(request: StoppingRequest): Promise<StoppedAscent>;
  release(): Promise<void>;
}

/**
 * x ← Π(x + α·steepest(g)) for the examples with c(x) > c_t, at most `steps` times; everyone makes the first step. The gradient at the point
 * after the last step, which the released code takes, would decide nothing and is left out.
 */
export function stoppingAscent(workbench: Workbench, { masked = false, ...options }: StoppingAscentOptions): StoppingAscent {
  const { batchSize, network } = workbench;
  const point = aligned([batchSize, ...network.inputShape]);
  const width = point.data.length / batchSize;
  const stations = new Map<number, Promise<Station>>();
  const station = (size: number) => {
    const ready = stations.get(size) ?? openStation(workbench, options, size);
    stations.set(size, ready);
    return ready;
  };

  return {
    async ascend({ start, steps, threshold, origin, ...request }) {
      point.data.set(start.data);
      const made = new Int32Array(batchSize);
      let active = Array.from({ length: batchSize }, (_, i) => i);
      let gradientEvaluations = 0;
      const holding = new Set<Executable>();
      for (let step = 0; step < steps && active.length > 0; step++) {
        const size = masked ? batchSize : paddedSize(active.length, batchSize);
        const { executable, next, fosc } = await station(size);
        if (!holding.has(executable)) await executable.hold(weightFeeds(request.weights));
        holding.add(executable);
        const rows = size === batchSize ? undefined : Int32Array.from({ length: size }, (_, i) => active[i] ?? active[0]);
        await executable.run(feedsOf({ x: point, origin: origin ?? request.x, request, rows }), { next, fosc });
        gradientEvaluations += masked ? batchSize : active.length;
        active = active.filter((example, i) => {
          const row = rows ? i : example;
          if (step > 0 && !(fosc.data[row] > threshold)) return false;
          point.data.set(next.data.subarray(row * width, (row + 1) * width), example * width);
          made[example]++;
          return true;
        });
      }
      return { point, steps: made, gradientEvaluations };
    },
    async release() {
      for (const ready of stations.values()) await (await ready).executable.release();
      stations.clear();
    },
  };
}

/** The step compiled for one batch size, with the buffers that it writes. */
interface Station {
  executable: Executable<"next" | "fosc">;
  next: Tensor<"float32">;
  fosc: Tensor<"float32">;
}

async function openStation(workbench: Workbench, options: InnerAscentOptions, size: number): Promise<Station> {
  return {
    executable: await compileAscentStep(workbench, options, size, ["next", "fosc"]),
    next: aligned([size, ...workbench.network.inputShape]),
    fosc: aligned([size]),
  };
}

/** The whole batch, or the given rows of it. */
function feedsOf({
  x,
  origin,
  request,
  rows,
}: {
  x: Tensor<"float32">;
  origin: Tensor<"float32">;
  request: Omit<AscentRequest, "start" | "steps">;
  rows?: Int32Array;
}): Record<string, Tensor> {
  if (!rows) return { ...ascentFeeds(request), x, origin };
  const chosen = { ...request, x: takeRows(request.x, rows), y: takeRows(request.y, rows) };
  return { ...ascentFeeds(chosen), x: takeRows(x, rows), origin: takeRows(origin, rows) };
}
