import { expect, it } from "vitest";
import { fillNormal, fillUniform, key } from "../../src/tensor/index.ts";

const count = 400_000;

/** Φ by the complementary error function's continued fraction and series (Abramowitz & Stegun 26.2.10, 26.2.14). */
function normalCdf(x: number): number {
  const z = Math.abs(x);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  let upper: number;
  if (z < 3) {
    let [term, total] = [z, z];
    for (let n = 1; n < 200; n++) {
      term *= (z * z) / (2 * n + 1);
      total += term;
    }
    upper = 0.5 - density * total;
  } else {
    let fraction = z;
    for (let n = 60; n > 0; n--) fraction = z + n / fraction;
    upper = density / fraction;
  }
  return x > 0 ? 1 - upper : upper;
}

/** Largest distance of the empirical distribution from F, in units of its 0.1 % point 1.95/√n (Kolmogorov). */
function distance(sample: Float64Array | Float32Array, F: (x: number) => number): number {
  const sorted = Float64Array.from(sample).sort();
  let largest = 0;
  sorted.forEach((x, i) => {
    largest = Math.max(largest, Math.abs(F(x) - i / sorted.length), Math.abs(F(x) - (i + 1) / sorted.length));
  });
  return (largest * Math.sqrt(sorted.length)) / 1.95;
}

it("fills with normal numbers: distribution, tails, independence of neighbours", () => {
  const z = fillNormal(key(3), new Float64Array(count));
  expect(distance(z, normalCdf)).toBeLessThan(1);
  // Beyond the ziggurat's last layer (3.4426) and far out: Poisson counts, to five deviations.
  for (const end of [2, 3, 3.4426, 3.8]) {
    const expected = count * 2 * (1 - normalCdf(end));
    const beyond = z.reduce((n, v) => n + (Math.abs(v) > end ? 1 : 0), 0);
    expect(Math.abs(beyond - expected), String(end)).toBeLessThan(5 * Math.sqrt(expected));
  }
  expect(
    distance(
      z.filter((v) => v > 3),
      (x) => 1 - (1 - normalCdf(x)) / (1 - normalCdf(3)),
    ),
  ).toBeLessThan(1);
  for (const lag of [1, 2, 3]) {
    const product = z.subarray(lag).reduce((sum, v, i) => sum + v * z[i], 0) / Math.sqrt(count);
    const squares = z.subarray(lag).reduce((sum, v, i) => sum + (v * v - 1) * (z[i] * z[i] - 1), 0) / (2 * Math.sqrt(count));
    expect(Math.abs(product)).toBeLessThan(5);
    expect(Math.abs(squares)).toBeLessThan(5);
  }
});

it("scales normal numbers, and repeats them for the same key only", () => {
  const z = fillNormal(key(3), new Float64Array(100));
  expect(fillNormal(key(3), new Float64Array(100), 0.5)).toEqual(z.map((v) => v / 2));
  expect(fillNormal(key(3).fold(1), new Float64Array(100))).not.toEqual(z);
  expect(fillNormal(key(3), new Float64Array(10))).toEqual(z.subarray(0, 10));
});

it("fills with uniform numbers within their bounds", () => {
  const u = fillUniform(key(4), new Float32Array(count), -0.3, 0.3);
  expect(u.every((v) => v >= Math.fround(-0.3) && v <= Math.fround(0.3))).toBe(true);
  expect(distance(u, (x) => (x + 0.3) / 0.6)).toBeLessThan(1);
});
