/** The experiment: every study at the sizes of its mode, each piece remembered. */
import { overLanes } from "../../runtime/index.ts";
import type { Key } from "../../tensor/index.ts";
import type { Bench } from "../laboratory.ts";
import { settings } from "./settings.ts";
import { type CapacityRow, studyCapacity } from "./studies/capacity.ts";
import { type ConvergenceRow, studyConvergence } from "./studies/convergence.ts";
import { type FiniteRow, type NormRow, studyFinite, studyNorm } from "./studies/existence.ts";
import { type LinearizationRow, studyDeepLinearization, studyTwoLayerLinearization } from "./studies/linearization.ts";
import { type OrderingRow, studyOrdering } from "./studies/ordering.ts";
import { type RegretRow, studyRegret } from "./studies/regret.ts";
import { type ShatteringRow, studyShattering } from "./studies/shattering.ts";
import { type SpectrumRow, studyDeepSpectrum, studyTwoLayerSpectrum } from "./studies/spectrum.ts";
import { type LongRow, studyDeepWidth, studyLong, studyWidth, type WidthRow } from "./studies/width.ts";

/** What the claims and figures are about. */
export interface Lab {
  regret: RegretRow[];
  ordering: OrderingRow[];
  linearization: LinearizationRow[];
  convergence: ConvergenceRow[];
  widths: WidthRow[];
  long: LongRow[];
  norms: NormRow[];
  finite: FiniteRow[];
  shattering: ShatteringRow[];
  capacity: CapacityRow[];
  spectra: SpectrumRow[];
}

export async function run(bench: Bench): Promise<Lab> {
  const s = settings[bench.mode];
  let done = 0;
  /** One remembered piece per item; `share` is the study's part of the experiment's time. With `lanes`, items are computed beside each other. */
  const each = async <Item, Row>(
    study: string,
    share: number,
    items: readonly Item[],
    compute: (item: Item, key: Key, lane: number) => Row | Promise<Row>,
    { lanes = false } = {},
  ) => {
    const piece = async (item: Item, lane: number) => {
      bench.progress(`${study} ${item}`, done);
      const row = await bench.remember(`${study} ${item}`, () => compute(item, bench.key.fold("ntk-convergence", study), lane));
      done += share / items.length;
      return row;
    };
    if (lanes) return overLanes(items, piece);
    const rows: Row[] = [];
    for (const item of items) rows.push(await piece(item, 0));
    return rows;
  };
  const pairs = <A, B>(a: readonly A[], b: readonly B[]) => a.flatMap((first) => b.map((second) => [first, second] as const));
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
  const near = s.nearInitialization;
  const lab: Lab = {
    regret: (await each("regret", 0.15, s.regret.activations, (activation, key) => studyRegret(key, { ...s.regret, activation }))).flat(),
    ordering: (await each("ordering", 0.05, s.ordering.radii, (δ, key) => studyOrdering(key, { ...s.ordering, δ }))).flat(),
    linearization: [
      ...(await each("linearization", 0.1, pairs(["softplus", "quadratic-relu"] as const, s.linearization.widths), ([activation, m], key) =>
        studyTwoLayerLinearization(key, { ...s.linearization, activation, m }),
      )),
      ...(await each("deep linearization", 0.03, s.linearization.deepWidths, (m, key) =>
        studyDeepLinearization(key, { m, R: s.linearization.deepR, draws: s.linearization.deepDraws }),
      )),
    ],
    convergence: (await each("convergence", 0.05, s.convergence.radii, (R, key) => studyConvergence(key, { ...s.convergence, R }))).flat(),
    widths: [
      ...(await each("width", 0.15, pairs(near.widths, upTo(near.draws)), ([m, draw], key) => studyWidth(key, { ...near, m, draw }))),
      ...(await each("deep width", 0.05, pairs(near.deepWidths, upTo(near.deepDraws)), ([m, draw], key) =>
        studyDeepWidth(key, { ...near, m, draw, T: near.deepT }),
      )),
    ],
    // The key of "width": the same data and networks.
    long: await each("long", 0.1, pairs(near.longWidths, upTo(near.longDraws)), ([m, draw]) =>
      studyLong(bench.key.fold("ntk-convergence", "width"), { ...near, m, draw }),
    ),
    norms: await each("existence", 0.05, s.existence.radii, (fraction, key) => studyNorm(key, { ...s.existence, fraction })),
    finite: await each("finite existence", 0.05, s.existence.widths, (m, key) => studyFinite(key, { ...s.existence, m })),
    // In higher dimension 20 steps from 10 starts overlook where a network is not robust.
    shattering: await each("shattering", 0.02, s.shattering.dimensions, (d, key) =>
      studyShattering(key, { ...s.shattering, d, networks: d <= 10 ? s.shattering.networks : 0 }),
    ),
    capacity: await each(
      "capacity",
      0.15,
      pairs(s.capacity.dimensions, s.capacity.radii),
      ([d, δ], key, lane) => studyCapacity(key, { ...s.capacity, d, δ, lane }),
      { lanes: true },
    ),
    spectra: [
      ...(await each("spectrum", 0.03, ["relu", "quadratic-relu", "softplus"] as const, (activation, key) =>
        studyTwoLayerSpectrum(key, activation, s.spectrum),
      )),
      ...(await each("deep spectrum", 0.02, s.spectrum.depths, (H, key) =>
        studyDeepSpectrum(key, H, { ...s.spectrum, widths: s.spectrum.deepWidths }),
      )),
    ],
  };
  bench.progress("done", 1);
  return lab;
}
