/**
 * Convolutional parts of a graph in the processor's blocked layout, [N, C, H, W] in memory as [N, C/b, H, W, b], where its convolutions are
 * up to twice as fast. Values cross into the layout at the first convolution and leave it where something needs the plain one; what comes
 * between stays. Channels are filled up with zeros, and every rule keeps them finite.
 */
import { apply, rebuild, reshape, type Value } from "../../graph/index.ts";
import { sameShape } from "../../tensor/index.ts";
import { convolutionRules } from "./blocked-convolutions.ts";
import { elementwiseRules } from "./blocked-elementwise.ts";
import { poolingRules } from "./blocked-pooling.ts";
import { fillChannels } from "./blocked-weights.ts";
import { reorderInput, reorderOutput } from "./forms.ts";
import { isSettled, type LoweringPass, type Target } from "./index.ts";

/** What the rules work with. */
export interface Layout {
  readonly block: number;
  /** Whether work on a value costs nothing (`isSettled`). */
  settled(x: Value): boolean;
  /** The blocked twin of a plain value, if there is one already. */
  known(x: Value): Value | undefined;
  /** The blocked twin of a plain value [N, C, H, W], made where there is none. */
  enter(x: Value): Value;
  /** The plain value [N, channels, H, W] of a blocked one. */
  leave(blocked: Value, channels: number): Value;
}

/** What takes the place of a value (a plain value, usually left from the layout), given its rebuilt inputs; undefined keeps it. */
export type BlockedRule = (value: Value, inputs: readonly Value[], layout: Layout) => Value | undefined;

const rules: ReadonlyMap<string, BlockedRule> = new Map([...convolutionRules, ...elementwiseRules, ...poolingRules]);

export const useBlockedLayout: LoweringPass = (outputs, target) => {
  if (target.block === undefined) return [...outputs];
  const layout = layoutOf(target.block, target);
  return rebuild(outputs, (value, inputs) =>
    value.dtype === "float32" ? rules.get(value.operator.name)?.(value, inputs, layout) : undefined,
  );
};

function layoutOf(block: number, target: Target): Layout {
  const twins = new Map<Value, Value>();
  return {
    block,
    settled: (x) => isSettled(x, target),
    known: (x) => twins.get(x),
    enter(x) {
      const twin = twins.get(x) ?? reorderInput(fillChannels(x, 4), block);
      twins.set(x, twin);
      return twin;
    },
    leave(blocked, channels) {
      const plain = reorderOutput(blocked, channels);
      twins.set(plain, blocked);
      return plain;
    },
  };
}

/** A blocked value with the block as an axis of its own: [N, C/b, H, W, b]. */
export function withBlockAxis(blocked: Value, block: number): Value {
  const [n, c, h, w] = blocked.shape;
  return reshape(blocked, [n, c / block, h, w, block]);
}

/** The inverse of `withBlockAxis`. */
export function withoutBlockAxis(value: Value): Value {
  const [n, c, h, w, block] = value.shape;
  return reshape(value, [n, c * block, h, w]);
}

/** A value per channel (and example), [C, 1, 1], [1, C, 1, 1] or [N, C, 1, 1], as [·, C/b, 1, 1, b]; undefined for any other shape. */
export function channelBlocks(x: Value, channels: number, block: number): Value | undefined {
  const shape = x.shape.length === 3 ? [1, ...x.shape] : x.shape;
  if (shape.length !== 4 || !sameShape(shape.slice(1), [channels, 1, 1])) return undefined;
  const filled = fillChannels(reshape(x, shape), block);
  return reshape(filled, [shape[0], filled.shape[1] / block, 1, 1, block]);
}

/** An operator applied to other inputs with the same attributes. */
export const reapply = (value: Value, inputs: readonly Value[]): Value => apply(value.operator, inputs, value.attributes);
