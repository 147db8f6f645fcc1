import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { augmentation, flipImages, moveImages } from "../../src/data/index.ts";
import { key, rows, type Tensor, tensor } from "../../src/tensor/index.ts";

const anyImages: fc.Arbitrary<Tensor<"float32">> = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(1, 3), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }))
  .chain(([count, channels, height, width]) => {
    const length = count * channels * height * width;
    return fc
      .float32Array({ min: 0, max: 1, noNaN: true, minLength: length, maxLength: length })
      .map((data) => tensor(data.map(Math.abs), [count, channels, height, width]));
  });

const same = (x: Tensor) => Array.from({ length: x.shape[0] }, (_, i) => i);

describe("identities", () => {
  test.prop([anyImages])("no motion is the identity, to the bit", (x) => {
    expect(
      moveImages(
        x,
        same(x).map(() => ({})),
      ),
    ).toEqual(x);
    expect(augmentation({})(x, same(x), key(0))).toEqual(x);
  });

  test.prop([anyImages])("a flip twice is the identity; unmarked images stay", (x) => {
    const marked = same(x).map((i) => i % 2 === 0);
    expect(flipImages(flipImages(x, marked), marked)).toEqual(x);
    expect(
      flipImages(
        x,
        marked.map(() => false),
      ),
    ).toEqual(x);
  });

  test.prop([anyImages, fc.integer({ min: -4, max: 4 }), fc.integer({ min: -4, max: 4 })])(
    "a whole-pixel shift moves pixels exactly and brings in zeros",
    (x, right, down) => {
      const moved = moveImages(
        x,
        same(x).map(() => ({ right, down })),
      );
      const [, , height, width] = x.shape;
      moved.data.forEach((value, i) => {
        const [column, row] = [(i % width) - right, (Math.floor(i / width) % height) - down];
        const inside = column >= 0 && column < width && row >= 0 && row < height;
        expect(value).toBe(inside ? x.data[i - down * width - right] : 0);
      });
    },
  );

  it("a quarter turn of a square is the transposed mirror image, clockwise", () => {
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3]);
    const turned = moveImages(x, [{ degrees: 90 }]);
    for (const [i, value] of [7, 4, 1, 8, 5, 2, 9, 6, 3].entries()) expect(turned.data[i]).toBeCloseTo(value, 5);
  });

  it("a linear ramp shifts by a fraction exactly, away from the border", () => {
    const x = tensor(
      Array.from({ length: 35 }, (_, i) => (i % 7) + 10 * Math.floor(i / 7)),
      [1, 1, 5, 7],
    );
    const moved = moveImages(x, [{ right: 0.25, down: 0.5 }]);
    for (let row = 1; row < 5; row++)
      for (let column = 1; column < 7; column++) expect(moved.data[7 * row + column]).toBeCloseTo(column - 0.25 + 10 * (row - 0.5), 5);
  });

  it("flips mirror left and right, in every channel", () => {
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [1, 3, 2, 2]);
    expect([...flipImages(x, [true]).data]).toEqual([2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11]);
  });
});

describe("randomness", () => {
  const x = tensor(
    Array.from({ length: 4 * 3 * 25 }, (_, i) => ((i * 37) % 101) / 101),
    [4, 3, 5, 5],
  );
  const augment = augmentation({ crop: 2, flip: true, rotate: 20, shift: 1 });

  it("depends on key and example index alone, not on the batch", () => {
    const together = augment(x, [10, 11, 12, 13], key(5));
    for (let i = 0; i < 4; i++) expect(augment(rows(x, i, i + 1), [10 + i], key(5)).data).toEqual(rows(together, i, i + 1).data);
    expect(augment(x, [10, 11, 12, 13], key(6)).data).not.toEqual(together.data);
  });

  it("leaves its input alone", () => {
    const before = x.data.slice();
    augment(x, [0, 1, 2, 3], key(5));
    expect(x.data).toEqual(before);
  });

  it("crops at all (2p + 1)² places and flips half of the images", () => {
    const dot = tensor(
      Array.from({ length: 25 }, (_, i) => (i === 12 ? 1 : 0)),
      [1, 1, 5, 5],
    );
    const places = new Map<number, number>();
    for (let i = 0; i < 900; i++) {
      const place = augmentation({ crop: 1 })(dot, [i], key(2)).data.indexOf(1);
      places.set(place, (places.get(place) ?? 0) + 1);
    }
    expect([...places.keys()].sort((a, b) => a - b)).toEqual([6, 7, 8, 11, 12, 13, 16, 17, 18]);
    // 100 expected in each, standard deviation 9.4
    for (const times of places.values()) expect(Math.abs(times - 100)).toBeLessThan(47);
    const corner = tensor([1, 0, 0, 0], [1, 1, 2, 2]);
    const flips = Array.from({ length: 900 }, (_, i) => augmentation({ flip: true })(corner, [i], key(2)).data[1]).filter(
      (v) => v === 1,
    ).length;
    expect(Math.abs(flips - 450)).toBeLessThan(75);
  });

  it("refuses nonsense", () => {
    expect(() => augmentation({ crop: 1.5 })).toThrow(RangeError);
    expect(() => augmentation({ rotate: -3 })).toThrow(RangeError);
    expect(() => augment(tensor([1, 2], [1, 2]), [0], key(0))).toThrow(/images \[B, channels, height, width\]/);
  });
});
