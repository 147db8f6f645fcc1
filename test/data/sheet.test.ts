import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { ascii, sheet } from "../../src/data/index.ts";
import { tensor, zeros } from "../../src/tensor/index.ts";

describe("a sheet", () => {
  it("places grey images in rows, scaled, with a gap", () => {
    const images = tensor([0, 1, 0.2, 0.4, 1, 0, 0.6, 0.8, 2, -1, 0, 0], [3, 1, 2, 2]);
    const png = decode(sheet(images, { columns: 2, scale: 1, gap: 1 }));
    expect([png.width, png.height, png.channels]).toEqual([7, 7, 1]);
    const g = 128;
    expect([...png.data]).toEqual(
      [
        [g, g, g, g, g, g, g],
        [g, 0, 255, g, 255, 0, g],
        [g, 51, 102, g, 153, 204, g],
        [g, g, g, g, g, g, g],
        [g, 255, 0, g, g, g, g],
        [g, 0, 0, g, g, g, g],
        [g, g, g, g, g, g, g],
      ].flat(),
    );
  });

  it("interleaves the planes of coloured images and repeats pixels", () => {
    const png = decode(sheet(tensor([1, 0, 0.2, 0.4, 0, 1], [1, 3, 1, 2]), { scale: 2, gap: 0 }));
    const [left, right] = [
      [255, 51, 0],
      [0, 102, 255],
    ];
    const line = [left, left, right, right].flat();
    expect([png.width, png.height, png.channels, [...png.data]]).toEqual([4, 2, 3, [...line, ...line]]);
  });

  it("refuses what is no image", () => {
    expect(() => sheet(zeros([2, 4]))).toThrow(/images \[N, 1 or 3, height, width\], not a tensor of shape \[2,4\]/);
    expect(() => sheet(zeros([2, 2, 4, 4]))).toThrow(/not a tensor of shape/);
  });
});

it("text shows brightness, two rows to a line, images side by side", () => {
  const images = tensor([0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1], [2, 1, 3, 2]);
  expect(ascii(images)).toBe(" @ ++\n@  @@");
});
