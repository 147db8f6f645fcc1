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
  const state = firstState(source);
  let [a, b, c, d] = state;
  for (let i = 0; i < out.length; i++) {
    // Two words of the stream, written out: nearly all numbers need no more.
    const word = scrambled(b);
    let t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    const second = scrambled(b);
    t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    const layer = word & (layers - 1);
    const x = placeIn(layer, word, second);
    if (Math.abs(x) < ends[layer + 1]) out[i] = deviation * x;
    else {
      state[0] = a;
      state[1] = b;
      state[2] = c;
      state[3] = d;
      out[i] = deviation * nearTheEdge(x, layer, state);
      a = state[0];
      b = state[1];
      c = state[2];
      d = state[3];
    }
  }
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

/** A place in a layer, uniform on −end … end in steps of 2⁻⁵² of it: 25 bits of one word, 28 of the next. */
const placeIn = (layer: number, word: number, second: number): number =>
  ((word >>> 7) * 2 ** -24 + (second >>> 4) * 2 ** -52 - 1) * ends[layer];

/** The number that a place outside the certain part of its layer leads to: this place, one in the tail, or that of further draws. */
function nearTheEdge(x: number, layer: number, state: Int32Array): number {
  if (layer === 0) return Math.sign(x) * drawTail(state);
  const low = heights[layer];
  if (low + unit(state) * (heights[layer + 1] - low) < Math.exp(-0.5 * x * x)) return x;
  const word = nextWord(state);
  const next = word & (layers - 1);
  const place = placeIn(next, word, nextWord(state));
  return Math.abs(place) < ends[next + 1] ? place : nearTheEdge(place, next, state);
}

/** A normal number conditioned on exceeding `tail` (Marsaglia 1964). */
function drawTail(state: Int32Array): number {
  for (;;) {
    const beyond = -Math.log(unit(state)) / tail;
    if (-2 * Math.log(unit(state)) >= beyond * beyond) return tail + beyond;
  }
}

/** Uniform on (0, 1), 32 bits. */
const unit = (state: Int32Array): number => (nextWord(state) + 0.5) * 2 ** -32;

/** As int32, in which the processor computes: unsigned words would be kept as floating-point numbers. */
function firstState(source: Key): Int32Array {
  const state = new Uint32Array(4);
  philox([0, 0, 0, 0xf111], source.words, state);
  return new Int32Array(state.buffer);
}

/** The next 32 bits of xoshiro128**, whose low bits are as good as its high ones. */
function nextWord(state: Int32Array): number {
  const b = state[1];
  const c = state[2] ^ state[0];
  const d = state[3] ^ b;
  state[0] ^= d;
  state[1] ^= c;
  state[2] = c ^ (b << 9);
  state[3] = (d << 11) | (d >>> 21);
  return scrambled(b) >>> 0;
}

/** What xoshiro128** gives out of its second word, as an int32. */
function scrambled(b: number): number {
  const product = Math.imul(b, 5);
  return Math.imul((product << 7) | (product >>> 25), 9);
}
