/** Empirical against analytic tangent kernels: their spectra, and how fast the one tends to the other. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { empiricalKernel } from "../../../analysis/ntk-empirical.ts";
import {
  type DualActivation,
  deepNtk,
  type Kernel,
  quadraticReluDual,
  reluDual,
  softplusDual,
  twoLayerNtk,
} from "../../../analysis/ntk-kernels.ts";
import type { Key } from "../../../tensor/index.ts";
import { deepNetwork, type InitializedNetwork, twoLayerNetwork } from "../networks.ts";
import { spherePoints } from "../points.ts";
import { average } from "../problem.ts";

/** One architecture: the spectrum of its analytic kernel matrix on n points, those of finite networks, and ‖K̂ − K‖_F/‖K‖_F by width. */
export interface SpectrumRow {
  architecture: string;
  analytic: number[];
  widths: number[];
  /** Spectrum of one network of each width. */
  empirical: number[][];
  /** Root mean square over draws of the relative distance. */
  distances: number[];
}

interface Sizes {
  n: number;
  draws: number;
  widths: readonly number[];
}

export function studyTwoLayerSpectrum(key: Key, activation: keyof typeof duals, sizes: Sizes): Promise<SpectrumRow> {
  const make = (source: Key, m: number) => twoLayerNetwork(source, { m, d: 6, activation });
  return study(key, `two layers, ${duals[activation].name}`, twoLayerNtk(duals[activation]), make, sizes, () => 1);
}

/** The paper's deep network with rescaled softplus, whose kernel grows as m: K̂/m is compared. */
export function studyDeepSpectrum(key: Key, H: number, sizes: Sizes): Promise<SpectrumRow> {
  const make = (source: Key, m: number) => deepNetwork(source, { m, d: 6, H, activation: "softplus", rescaled: true });
  return study(key, `depth ${H}, softplus`, deepNtk(softplusDual, H), make, sizes, (m) => 1 / m);
}

const duals: Readonly<Record<"relu" | "quadratic-relu" | "softplus", DualActivation>> = {
  relu: reluDual,
  "quadratic-relu": quadraticReluDual,
  softplus: softplusDual,
};

async function study(
  key: Key,
  architecture: string,
  kernel: Kernel,
  make: (source: Key, m: number) => InitializedNetwork,
  { n, draws, widths }: Sizes,
  scale: (m: number) => number,
): Promise<SpectrumRow> {
  const { points } = spherePoints(key.fold("points"), { n, d: 6, separation: 0.1 });
  const K = kernel(points, points);
  const [empirical, distances]: [number[][], number[]] = [[], []];
  for (const m of widths) {
    const drawn = Array.from({ length: draws }, (_, draw) => make(key.fold(architecture, m, draw), m));
    const compiled = await empiricalKernel(drawn[0].network, "float64", { block: n, runtime: { threads: 1 } });
    const kernels: Matrix[] = [];
    for (const { weights } of drawn) kernels.push((await compiled.at(weights, points)).mul(scale(m)));
    await compiled.release();
    empirical.push(spectrum(kernels[0]));
    distances.push(Math.sqrt(average(kernels.map((K̂) => Matrix.sub(K̂, K).norm() ** 2))) / K.norm());
  }
  return { architecture, analytic: spectrum(K), widths: [...widths], empirical, distances };
}

/** Eigenvalues of a symmetric matrix, the largest first. */
function spectrum(K: Matrix): number[] {
  return new EigenvalueDecomposition(K, { assumeSymmetric: true }).realEigenvalues.sort((a, b) => b - a);
}
