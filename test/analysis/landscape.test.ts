import { expect, it } from "vitest";
import { planeAlong, projectPath, sliceLandscape, sliceLine } from "../../src/analysis/landscape.ts";
import type { Objective } from "../../src/analysis/objective.ts";
import { key } from "../../src/tensor/index.ts";

/** F_p(δ) = |δ − p·e₁|² for problems p = 0, 1, with `slots` rows each. */
function distances(problems: number, slots: number, n: number): Objective {
  const unused = () => Promise.reject(new Error("not needed"));
  return {
    batch: problems * slots,
    dimension: n,
    gradient: unused,
    curvature: unused,
    ascend: unused,
    value: async (delta) =>
      Float64Array.from({ length: problems * slots }, (_, b) => {
        const p = Math.floor(b / slots);
        return delta.subarray(b * n, (b + 1) * n).reduce((sum, x, i) => sum + (x - (i === 0 ? p : 0)) ** 2, 0);
      }),
  };
}

const e = (n: number, axis: number) => Float64Array.from({ length: n }, (_, i) => Number(i === axis));

it("evaluates the grid of every problem's own plane, also when the grid does not fill the last batch", async () => {
  const planes = [planeAlong(e(4, 0), { second: e(4, 1) }), planeAlong(e(4, 0), { second: e(4, 2), center: e(4, 3) })];
  const [first, second] = await sliceLandscape(distances(2, 7, 4), planes, { extent: [1, 2], resolution: 5 });
  for (const [i, y] of first.y.entries()) for (const [j, x] of first.x.entries()) expect(first.values[i][j]).toBeCloseTo(x * x + y * y, 14);
  for (const [i, y] of second.y.entries())
    for (const [j, x] of second.x.entries()) expect(second.values[i][j]).toBeCloseTo((x - 1) ** 2 + y * y + 1, 14);
  expect(first.x).toEqual([-1, -0.5, 0, 0.5, 1]);
});

it("makes orthonormal axes and projects paths onto them", () => {
  const direction = Float64Array.from([3, 4, 0]);
  const plane = planeAlong(direction, { key: key(3) });
  const [u, v] = plane.axes;
  expect(Math.hypot(...u)).toBeCloseTo(1, 14);
  expect(Math.hypot(...v)).toBeCloseTo(1, 14);
  expect(u.reduce((sum, x, i) => sum + x * v[i], 0)).toBeCloseTo(0, 14);
  const { x, y } = projectPath([new Float64Array(3), direction, direction.map((t, i) => t + 2 * v[i])], plane);
  expect(x[1]).toBeCloseTo(5, 14);
  expect(x[2]).toBeCloseTo(5, 14);
  expect(y.map((t) => Math.round(t * 1e12) / 1e12)).toEqual([0, 0, 2]);
  expect(() => planeAlong(direction, { second: direction })).toThrow(/parallel/);
  expect(() => planeAlong(new Float64Array(3), { key: key(1) })).toThrow(/no direction/);
});

it("follows a segment", async () => {
  const [line] = await sliceLine(distances(1, 4, 2), [{ from: e(2, 0), to: e(2, 1) }], { resolution: 3 });
  expect(line.t).toEqual([0, 0.5, 1]);
  expect(line.values).toEqual([1, 0.5, 1]);
});

it("refuses rows that do not divide among the problems", async () => {
  const plane = planeAlong(e(2, 0), { key: key(1) });
  await expect(sliceLandscape(distances(1, 5, 2), [plane, plane], { extent: [1, 1] })).rejects.toThrow(/evenly/);
});
