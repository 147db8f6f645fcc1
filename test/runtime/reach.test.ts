/** Groups of pixels and the windows of a convolution that reach them, against counting. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { alignGroups } from "../../src/runtime/lowering/reach.ts";

const axis = fc
  .record({ stride: fc.integer({ min: 1, max: 4 }), steps: fc.integer({ min: 1, max: 3 }), extent: fc.integer({ min: 1, max: 30 }) })
  .chain((given) =>
    fc
      .integer({ min: given.stride, max: given.stride + 5 })
      .chain((kernel) =>
        fc.integer({ min: 0, max: kernel - 1 }).map((pad) => ({ ...given, kernel, pad, period: given.stride * given.steps })),
      ),
  );

it("every window that reaches a pixel is among those of its group, and no other alignment takes fewer products", () => {
  // A period may be longer than the image: its windows are counted beyond it.
  const examples: [{ extent: number; kernel: number; stride: number; pad: number; period: number; steps: number }][] = [
    [{ stride: 1, steps: 3, extent: 1, kernel: 1, pad: 0, period: 3 }],
  ];
  fc.assert(
    fc.property(axis, ({ extent, kernel, stride, pad, period, steps }) => {
      const { offset, groups, first, windows } = alignGroups(extent, kernel, { stride, pad }, period);
      const reaching = (pixel: number) =>
        Array.from({ length: extent + period + 2 * kernel }, (_, i) => i - kernel).filter((window) => {
          const tap = pixel + pad - stride * window;
          return tap >= 0 && tap < kernel;
        });
      const needed = (shift: number) => {
        const all = Array.from({ length: period }, (_, r) => reaching(r - shift)).flat();
        return Math.max(...all) - Math.min(...all) + 1;
      };
      for (let pixel = 0; pixel < extent; pixel++) {
        const group = Math.floor((pixel + offset) / period);
        expect(group).toBeLessThan(groups);
        for (const window of reaching(pixel)) {
          expect(window - group * steps).toBeGreaterThanOrEqual(first);
          expect(window - group * steps).toBeLessThan(first + windows);
        }
      }
      for (let shift = 0; shift <= Math.min(pad, period - 1); shift++)
        expect(groups * windows).toBeLessThanOrEqual(Math.ceil((extent + shift) / period) * needed(shift));
    }),
    { examples, numRuns: 300 },
  );
});
