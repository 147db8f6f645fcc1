/**
 * Exact projections by their optimality conditions. A set is a ball around `center` within a box that contains the center; all computing is in
 * float64, and no sorting is needed where a piecewise linear equation can be solved by Newton's method, which ends after finitely many steps.
 */
import type { Norm, PerturbationSet } from "./threat.ts";

/**
 * The point of {z: ‖z − center‖₁ ≤ ε, low ≤ z ≤ high} nearest to `point`, written in place: δᵢ = sign(dᵢ) · min(max(|dᵢ| − λ, 0), rᵢ), where
 * d = point − center, rᵢ is the room towards the box and λ ≥ 0 the least with ‖δ‖₁ ≤ ε (Croce & Hein 2021, proposition 2.1).
 */
export function projectOntoL1(set: Pick<PerturbationSet, "center" | "epsilon" | "low" | "high">, point: Float32Array): Float32Array {
  const { center, epsilon, low, high } = set;
  const n = point.length;
  const sizes = new Float64Array(n);
  const rooms = new Float64Array(n);
  let [total, largest] = [0, 0];
  for (let i = 0; i < n; i++) {
    const d = point[i] - center[i];
    sizes[i] = Math.abs(d);
    rooms[i] = d >= 0 ? high[i] - center[i] : center[i] - low[i];
    total += Math.min(sizes[i], rooms[i]);
    if (sizes[i] > largest) largest = sizes[i];
  }
  const λ = total <= epsilon ? 0 : threshold(sizes, rooms, epsilon, largest);
  for (let i = 0; i < n; i++) {
    const length = Math.min(Math.max(sizes[i] - λ, 0), rooms[i]);
    point[i] = Math.min(Math.max(center[i] + (point[i] >= center[i] ? length : -length), low[i]), high[i]);
  }
  return point;
}

/** λ with Σ min(max(sizeᵢ − λ, 0), roomᵢ) = radius: Newton's method kept in a bracket by bisection. */
function threshold(sizes: Float64Array, rooms: Float64Array, radius: number, largest: number): number {
  let [below, above] = [0, largest];
  let λ = 0;
  for (let round = 0; round < 200; round++) {
    let [norm, slope] = [0, 0];
    for (let i = 0; i < sizes.length; i++) {
      const rest = sizes[i] - λ;
      if (rest <= 0) continue;
      if (rest < rooms[i]) {
        norm += rest;
        slope++;
      } else norm += rooms[i];
    }
    if (Math.abs(norm - radius) <= 1e-13 * (1 + radius)) break;
    if (norm > radius) below = λ;
    else above = λ;
    const next = slope > 0 ? λ + (norm - radius) / slope : Number.NaN;
    λ = next > below && next < above ? next : (below + above) / 2;
    if (above - below <= 1e-15 * largest) break;
  }
  return λ;
}

/** The point of {z: ‖z − center‖₀ ≤ ε, low ≤ z ≤ high} nearest to `point`, in place: the components with the most to gain are kept. */
export function projectOntoL0(set: Pick<PerturbationSet, "center" | "epsilon" | "low" | "high">, point: Float32Array): Float32Array {
  const { center, epsilon, low, high } = set;
  const kept = Math.floor(epsilon);
  const gains = new Float64Array(point.length);
  for (let i = 0; i < point.length; i++) {
    const clipped = Math.min(Math.max(point[i], low[i]), high[i]);
    gains[i] = (point[i] - center[i]) ** 2 - (point[i] - clipped) ** 2;
    point[i] = clipped;
  }
  if (kept >= point.length) return point;
  const order = Array.from(gains.keys()).sort((a, b) => gains[b] - gains[a]);
  for (const i of order.slice(kept)) point[i] = center[i];
  return point;
}

/**
 * δ of least norm with ⟨w, point + δ⟩ = offset and low ≤ point + δ ≤ high, in L∞, L2 or L1; where the box has no such point, the corner nearest to
 * the hyperplane (Croce & Hein 2020, §2). With the gap c = offset − ⟨w, point⟩ > 0 and rᵢ the room in the direction of wᵢ:
 * L∞ has |δᵢ| = min(λ, rᵢ), L2 |δᵢ| = min(λ|wᵢ|, rᵢ), and L1 uses up the rooms of the largest |wᵢ| first.
 */
export function stepToHyperplane(
  { point, low, high }: { point: ArrayLike<number>; low: ArrayLike<number>; high: ArrayLike<number> },
  w: ArrayLike<number>,
  offset: number,
  norm: Norm,
  into = new Float64Array(point.length),
): Float64Array {
  const n = point.length;
  const { rooms, signs } = scratch(n);
  let gap = offset;
  for (let i = 0; i < n; i++) gap -= w[i] * point[i];
  const way = gap >= 0 ? 1 : -1;
  gap *= way;
  for (let i = 0; i < n; i++) {
    const up = Number(w[i] * way > 0);
    const down = Number(w[i] * way < 0);
    signs[i] = up - down;
    // Where the box has no end the room is large, not infinite: sums of the rooms that are used up stay numbers.
    const above = high[i] - point[i];
    const below = point[i] - low[i];
    rooms[i] = up * (above < 1e30 ? above : 1e30) + down * (below < 1e30 ? below : 1e30);
  }
  if (norm === "l1") greedyLengths(w, gap, into);
  else cappedLengths(w, gap, norm === "l2", into);
  for (let i = 0; i < n; i++) into[i] *= signs[i];
  return into;
}

/** Memory for one step at a time: to allocate it anew took an eighth of FAB's time. */
let memory = { rooms: new Float64Array(0), signs: new Float64Array(0), weights: new Float64Array(0) };

function scratch(n: number): typeof memory {
  if (memory.rooms.length !== n) memory = { rooms: new Float64Array(n), signs: new Float64Array(n), weights: new Float64Array(n) };
  return memory;
}

/**
 * min(λ·kᵢ, rᵢ) with kᵢ = |wᵢ| (L2) or 1 (L∞), such that Σ|wᵢ| min(λkᵢ, rᵢ) = gap: concave in λ, so Newton's method climbs to it. Which components
 * have reached their room cannot be foreseen, so the sums have no branches.
 */
function cappedLengths(w: ArrayLike<number>, gap: number, squared: boolean, lengths: Float64Array): void {
  const n = w.length;
  const { rooms, weights } = scratch(n);
  let reach = 0;
  for (let i = 0; i < n; i++) {
    weights[i] = Math.abs(w[i]);
    reach += weights[i] * rooms[i];
  }
  if (gap >= reach) {
    lengths.set(rooms);
    return;
  }
  let λ = 0;
  for (let round = 0; round < n + 1; round++) {
    let [held, slope] = [0, 0];
    for (let i = 0; i < n; i++) {
      const pace = squared ? weights[i] : 1;
      const free = Number(λ * pace < rooms[i]);
      slope += free * weights[i] * pace;
      held += (1 - free) * weights[i] * rooms[i];
    }
    const next = slope > 0 ? (gap - held) / slope : Number.POSITIVE_INFINITY;
    if (!(next > λ * (1 + 1e-15))) break;
    λ = next;
    if (λ === Number.POSITIVE_INFINITY) {
      lengths.set(rooms);
      return;
    }
  }
  for (let i = 0; i < n; i++) {
    const length = squared ? λ * weights[i] : λ;
    const free = Number(length < rooms[i]);
    lengths[i] = free * length + (1 - free) * rooms[i];
  }
}

function greedyLengths(w: ArrayLike<number>, gap: number, lengths: Float64Array): void {
  const { rooms } = scratch(w.length);
  lengths.fill(0);
  const order = Array.from(rooms.keys()).sort((a, b) => Math.abs(w[b]) - Math.abs(w[a]));
  let left = gap;
  for (const i of order) {
    const weight = Math.abs(w[i]);
    if (left <= 0 || weight === 0) break;
    lengths[i] = Math.min(rooms[i], left / weight);
    left -= lengths[i] * weight;
  }
}
