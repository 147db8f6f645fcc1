/**
 * Randomness as explicit, immutable keys on the counter-based generator Philox4x32-10 (Salmon et al. 2011).
 *
 * A key never changes and holds no position: the same key gives the same numbers in any process, worker or shard and in any
 * order of calls. Independent streams come from folding labels in: `key(seed).fold("attack", epoch, batch)`.
 */
import { type Shape, size, type Tensor } from "./tensor.ts";

/** An immutable source of random numbers. Draw twice from one key and you get the same numbers twice; fold to get others. */
export interface Key {
  /** The two 32-bit words that identify the stream. */
  readonly words: readonly [number, number];
  /** A key for an independent stream, named by labels (an epoch, an example's index, "restart", …). */
  fold(...labels: readonly (number | string)[]): Key;
}

/** The root key of a seed (an integer in 0 … 2⁵³ − 1). @throws RangeError for anything else. */
export function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`a seed is an integer from 0 to 2^53-1, not ${seed}`);
  return keyOf(seed >>> 0, Math.floor(seed / 2 ** 32));
}

/** `shape` numbers uniform on [low, high), with 53 random bits each. */
export function uniform(source: Key, shape: Shape, low = 0, high = 1): Tensor<"float64"> {
  return { dtype: "float64", shape, data: uniforms(source, size(shape)).map((u) => low + (high - low) * u) };
}

/** `shape` independent standard normal numbers times `deviation` (Box–Muller on pairs of uniforms). */
export function normal(source: Key, shape: Shape, deviation = 1): Tensor<"float64"> {
  const count = size(shape);
  const u = uniforms(source, 2 * Math.ceil(count / 2));
  const data = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - u[i]));
    const angle = 2 * Math.PI * u[i + 1];
    data[i] = radius * Math.cos(angle);
    if (i + 1 < count) data[i + 1] = radius * Math.sin(angle);
  }
  return { dtype: "float64", shape, data };
}

/** `count` integers uniform on 0 … bound − 1. */
export function integers(source: Key, count: number, bound: number): Int32Array {
  return Int32Array.from(uniforms(source, count), (u) => Math.floor(u * bound));
}

/** A uniformly random permutation of 0 … count − 1 (Fisher–Yates). */
export function permutation(source: Key, count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const u = uniforms(source, count);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(u[i] * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** The generator's block function: 128 random bits for a key and a 128-bit counter, written to `out` (a test pins the published vectors). */
export function philox(counter: ArrayLike<number>, words: readonly [number, number], out: Uint32Array): void {
  let [c0, c1, c2, c3] = [counter[0] >>> 0, counter[1] >>> 0, counter[2] >>> 0, counter[3] >>> 0];
  let [k0, k1] = words;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The key with these two words, e.g. those of a key in another process. */
export function keyOf(low: number, high: number): Key {
  const words = [low >>> 0, high >>> 0] as const;
  return { words, fold: (...labels) => labels.reduce<Key>((parent, label) => foldOne(parent, label), keyOf(low, high)) };
}

/** The child's words are the cipher of the label under the parent's words; the counter's last word keeps folds apart from draws. */
function foldOne(parent: Key, label: number | string): Key {
  const [a, b] = typeof label === "number" ? numberWords(label) : textWords(label);
  const out = new Uint32Array(4);
  philox([a, b, typeof label === "number" ? 0 : 1, 0xf01d], parent.words, out);
  return keyOf(out[0], out[1]);
}

function numberWords(label: number): [number, number] {
  const bits = new Uint32Array(new Float64Array([label]).buffer);
  return [bits[0], bits[1]];
}

/** FNV-1a over the UTF-16 units, from two different starts. */
function textWords(label: string): [number, number] {
  let [a, b] = [0x811c9dc5, 0x1b873593];
  for (let i = 0; i < label.length; i++) {
    a = Math.imul(a ^ label.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ label.charCodeAt(i), 0x01000193) + i;
  }
  return [a >>> 0, b >>> 0];
}

function uniforms(source: Key, count: number): Float64Array {
  const result = new Float64Array(count);
  const counter = new Uint32Array(4);
  const out = new Uint32Array(4);
  for (let i = 0; i < count; i += 2) {
    counter[0] = i / 2;
    philox(counter, source.words, out);
    result[i] = fraction(out[0], out[1]);
    if (i + 1 < count) result[i + 1] = fraction(out[2], out[3]);
  }
  return result;
}

/** 53 bits of two words as a number in [0, 1). */
function fraction(high: number, low: number): number {
  return ((high >>> 5) * 67108864 + (low >>> 6)) / 9007199254740992;
}

/** The upper 32 bits of the 64-bit product of two unsigned words. */
function multiplyHigh(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = a0 * b1 + (middle & 0xffff);
  return a1 * b1 + Math.floor(middle / 65536) + Math.floor(carry / 65536);
}
