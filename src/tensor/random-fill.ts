/**
 * Fast fills of whole arrays, for noise on batches and bundles of paths: one stream of xoshiro128 (Blackman & Vigna 2018) per key, started from the
 * key's first Philox block. Pure functions of the key as the draws of `random.ts`, and ten times as fast.
 */
import { type Key, philox } from "./random.ts";

/** Fills a float32 array with numbers uniform on [low, high), 24 random bits each. */
export function fillUniform(source: Key, out: Float32Array, low: number, high: number): Float32Array {
  let [a, b, c, d] = firstState(source);
  const scale = (high - low) / 16777216;
  for (let i = 0; i < out.length; i++) {
    out[i] = low + scale * (((a + d) | 0) >>> 8);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
  }
  return out;
}

/**
 * Fills an array with independent normal numbers of mean 0 and the given deviation: the ziggurat method (Marsaglia & Tsang 2000) with 128
 * layers, the layer and the place in it from different bits (Doornik 2005), 53 of them for the place.
 */
export function fillNormal<T extends Float32Array | Float64Array>(source: Key, out: T, deviation = 1): T {
  const bits = xoshiro128(source);
  for (let i = 0; i < out.length; i++) out[i] = deviation * drawNormal(bits);
  return out;
}

/** Layers of the ziggurat of f(x) = exp(−x²/2): all of area `layerArea`, the lowest with the tail beyond `tail`. */
const layers = 128;
const tail = 3.442619855899;
const layerArea = 9.91256303526217e-3;
/** Right ends x₀ > x₁ > … > x₁₂₈ = 0 (x₀ as if the lowest layer were a rectangle), and f there. */
const ends = new Float64Array(layers + 1);
const heights = new Float64Array(layers + 1);
for (let i = 0; i <= layers; i++) {
  if (i === 0) ends[i] = layerArea / Math.exp(-0.5 * tail * tail);
  else if (i === 1) ends[i] = tail;
  else ends[i] = i === layers ? 0 : Math.sqrt(-2 * Math.log(layerArea / ends[i - 1] + heights[i - 1]));
  heights[i] = Math.exp(-0.5 * ends[i] * ends[i]);
}

function drawNormal(bits: () => number): number {
  for (;;) {
    const word = bits();
    const layer = word & (layers - 1);
    // −1 … 1 in steps of 2⁻⁵²: 25 bits of this word, 28 of the next.
    const x = ((word >>> 7) * 2 ** -24 + (bits() >>> 4) * 2 ** -52 - 1) * ends[layer];
    const size = Math.abs(x);
    if (size < ends[layer + 1]) return x;
    if (layer === 0) return Math.sign(x) * drawTail(bits);
    const low = heights[layer];
    if (low + unit(bits) * (heights[layer + 1] - low) < Math.exp(-0.5 * x * x)) return x;
  }
}

/** A normal number conditioned on exceeding `tail` (Marsaglia 1964). */
function drawTail(bits: () => number): number {
  for (;;) {
    const beyond = -Math.log(unit(bits)) / tail;
    if (-2 * Math.log(unit(bits)) >= beyond * beyond) return tail + beyond;
  }
}

/** Uniform on (0, 1), 32 bits. */
const unit = (bits: () => number): number => (bits() + 0.5) * 2 ** -32;

function firstState(source: Key): Uint32Array {
  const state = new Uint32Array(4);
  philox([0, 0, 0, 0xf111], source.words, state);
  return state;
}

/** Words of 32 bits from xoshiro128**, whose low bits are as good as its high ones. */
function xoshiro128(source: Key): () => number {
  let [a, b, c, d] = firstState(source);
  return () => {
    const product = Math.imul(b, 5);
    const word = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return word;
  };
}
