import { gzipSync } from "node:zlib";
import { fc, test } from "@fast-check/vitest";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import {
  DataError,
  dataset,
  decodeCifar10,
  decodeIdx,
  decodeNpy,
  decodeNpz,
  encodeIdx,
  encodeNpy,
  encodeNpz,
  fromArrays,
  untar,
  unzipped,
} from "../../src/data/index.ts";
import { full, type Shape, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";

const anyBytes: fc.Arbitrary<Tensor<"uint8">> = fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }).chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1);
  return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({ dtype: "uint8", shape, data }));
});

describe("IDX", () => {
  test.prop([anyBytes])("round trip", (source) => {
    expect(decodeIdx(encodeIdx(source), source.shape.length)).toEqual(source);
  });

  it("reads big-endian extents, as in the published description", () => {
    const bytes = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60);
    expect(decodeIdx(bytes, 3)).toEqual(tensor([10, 20, 30, 40, 50, 60], [1, 2, 3], "uint8"));
  });
});

it("CIFAR-10: one label byte, then the planes; the count comes from the length", () => {
  const bytes = new Uint8Array(2 * 3073);
  bytes[0] = 7;
  bytes[1] = 11;
  bytes[3073] = 2;
  bytes[2 * 3073 - 1] = 99;
  const { images, labels } = decodeCifar10(bytes);
  expect([[...labels], images.shape, images.data[0], images.data[2 * 3072 - 1]]).toEqual([[7, 2], [2, 3, 32, 32], 11, 99]);
});

describe("gzip", () => {
  test.prop([fc.uint8Array({ maxLength: 3000 })])("round trip", async (bytes) => {
    expect(await unzipped(gzipSync(bytes), "f")).toEqual(bytes);
  });

  it("leaves other bytes as they are", async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(await unzipped(bytes, "f")).toBe(bytes);
  });
});

describe("tar", () => {
  it("gives names and contents", () => {
    const archive = tarOf([
      ["a/one.bin", Uint8Array.of(1, 2, 3)],
      ["empty", new Uint8Array(0)],
      ["a/two.bin", new Uint8Array(600).fill(7)],
    ]);
    const files = [...untar(archive)].map(({ name, data }) => [name, data.length, data[0]]);
    expect(files).toEqual([
      ["a/one.bin", 3, 1],
      ["empty", 0, undefined],
      ["a/two.bin", 600, 7],
    ]);
  });
});

describe("arrays", () => {
  const x = (shape: Shape) => zeros(shape, "uint8");
  const y = tensor([0, 1], [2], "int64");

  it.each<[string, Shape, Shape]>([
    ["a table", [2, 5], [5]],
    ["grey images", [2, 4, 5], [1, 4, 5]],
    ["channels first", [2, 3, 4, 5], [3, 4, 5]],
    ["channels last", [2, 4, 5, 3], [3, 4, 5]],
  ])("%s", (_, shape, expected) => {
    expect(fromArrays({ x_train: x(shape), y_train: y }, { split: "train", name: "a" }).shape).toEqual(expected);
  });

  it("channels last are moved, not just renamed", () => {
    const pixels = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32], [2, 2, 2, 3], "uint8");
    const { inputs } = fromArrays({ images: pixels, labels: y }, { split: "test", name: "a" });
    expect([...inputs.data]).toEqual([1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12, 21, 24, 27, 30, 22, 25, 28, 31, 23, 26, 29, 32]);
  });

  it("splits are told apart, and one split for both is said", () => {
    const arrays = { x_train: x([2, 5]), y_train: y, x_test: x([2, 7]), y_test: y };
    expect(fromArrays(arrays, { split: "test", name: "a" })).toMatchObject({ shape: [7], note: undefined });
    expect(fromArrays({ x: x([2, 5]), y }, { split: "test", name: "a" }).note).toMatch(/same examples/);
  });

  it("another input domain is given as bounds", () => {
    const arrays = { x: tensor([-3, 3], [2, 1]), y, bounds: tensor([-4, 4]) };
    expect(fromArrays(arrays, { split: "train", name: "a" }).bounds).toEqual([-4, 4]);
    expect(fromArrays(arrays, { split: "train", name: "a", bounds: [-3, 5] }).bounds).toEqual([-3, 5]);
  });
});

describe("what is wrong is said, with the place and the remedy", () => {
  const idx = encodeIdx(zeros([2, 3, 3], "uint8"));
  const npy = encodeNpy(tensor([1, 2, 3]));
  const zipped = gzipSync(new Uint8Array(500).map((_, i) => (i * i) & 255));
  const named = (text: string, replacement: string) =>
    Uint8Array.from(Buffer.from(Buffer.from(npy).toString("latin1").replace(text, replacement), "latin1"));
  const images = (values: number[]): Tensor<"float32"> => tensor(values, [2, values.length / 2]);
  const parts = { name: "d", inputs: images([0, 0.5]), labels: [0, 1] };
  const record = new Uint8Array(3073);
  const arrays = (x: Tensor, y: Tensor) => fromArrays({ x, y }, { split: "train", name: "a" });
  const labels = tensor([0, 1], [2], "int32");

  const cases: [what: string, act: () => unknown, message: RegExp][] = [
    ["IDX, wrong magic", () => decodeIdx(Uint8Array.of(1, 2, 3, 4, 5), 3), /begins with 2051, this one has the magic number 16909060/],
    ["IDX, labels for images", () => decodeIdx(encodeIdx(zeros([4], "uint8")), 3), /images begins with 2051.*2049.*swapped/],
    ["IDX, nothing", () => decodeIdx(new Uint8Array(0), 1), /only 0 bytes/],
    ["IDX, header cut short", () => decodeIdx(idx.subarray(0, 9), 3), /header is cut short/],
    ["IDX, cut short", () => decodeIdx(idx.subarray(0, 30), 3), /\[2,3,3\], 18 bytes, but 14 follow/],
    ["gzip, cut short", () => unzipped(zipped.subarray(0, 100), "f"), /gzip stream is broken or cut short/],
    ["gzip, cut in the trailer", () => unzipped(zipped.subarray(0, -2), "f"), /gzip stream is broken or cut short/],
    [
      "gzip, checksum",
      () =>
        unzipped(
          zipped.map((v, i) => (i === zipped.length - 6 ? v ^ 1 : v)),
          "f",
        ),
      /gzip stream is broken/,
    ],
    ["CIFAR, length", () => decodeCifar10(new Uint8Array(3074)), /3074 bytes are not a whole number of records/],
    ["CIFAR, empty", () => decodeCifar10(new Uint8Array(0)), /0 bytes are not/],
    ["CIFAR, label", () => decodeCifar10(record.map((_, i) => (i === 0 ? 17 : 0))), /record 0 has the label 17/],
    ["npy, magic", () => decodeNpy(Uint8Array.of(1, 2, 3)), /does not begin with/],
    ["npy, version", () => decodeNpy(npy.map((v, i) => (i === 6 ? 9 : v))), /version 9/],
    ["npy, header cut short", () => decodeNpy(npy.subarray(0, 40)), /header is cut short/],
    ["npy, cut short", () => decodeNpy(npy.subarray(0, -1)), /shape \[3\] of float32 takes 12 bytes, the file has 11/],
    ["npy, more behind", () => decodeNpy(Uint8Array.of(...npy, 0)), /the file has 13/],
    ["npy, huge", () => decodeNpy(named("(3,)", `(${"9".repeat(30)},)`)), /header is cut short|takes .* bytes|no valid/],
    ["npy, negative", () => decodeNpy(named("(3,)", "(-3)")), /no valid order and shape/],
    ["npy, objects", () => decodeNpy(named("<f4", "|O8")), /type \|O8 are not read.*astype/],
    ["npy, structured", () => decodeNpy(named("'<f4'", "[('a')]")), /type \(structured\) are not read/],
    ["npz, no zip", () => decodeNpz(Uint8Array.of(1, 2, 3)), /not a readable zip archive/],
    ["npz, cut short", () => decodeNpz(encodeNpz({ a: tensor([1, 2, 3]) }).subarray(0, 60)), /not a readable zip archive/],
    ["npz, broken array", () => decodeNpz(zipSync({ "a.npy": npy.subarray(0, 60) }), "f.npz"), /^f\.npz:a\.npy: the header is cut short/],
    ["tar, damaged", () => [...untar(new Uint8Array(1024).fill(3))], /not a tar archive, or damaged/],
    ["tar, cut short", () => [...untar(tarOf([["a", new Uint8Array(600)]]).subarray(0, 800))], /cut short in a/],
    [
      "arrays, missing",
      () => fromArrays({ foo: labels }, { split: "test", name: "a" }),
      /no arrays for the split "test": found foo.*x_test and y_test/,
    ],
    ["arrays, rank", () => arrays(zeros([2, 2, 2, 2]), labels), /inputs have the shape \[2,2,2,2\]/],
    ["arrays, integer inputs", () => arrays(zeros([2, 2], "int32"), labels), /inputs are int32/],
    ["arrays, float labels", () => arrays(zeros([2, 2]), tensor([0, 1])), /labels are float32 of shape \[2\]/],
    ["arrays, one-hot labels", () => arrays(zeros([2, 2]), zeros([2, 2], "uint8")), /labels are uint8 of shape \[2,2\]/],
    ["arrays, huge label", () => arrays(zeros([2, 2]), tensor([0n, 2n ** 32n], [2], "int64")), /example 1 has the label 4294967296/],
    [
      "arrays, bounds",
      () => fromArrays({ x: zeros([2, 2]), y: labels, bounds: tensor([1, 0]) }, { split: "train", name: "a" }),
      /bounds are \[1, 0\]/,
    ],
    ["not a number", () => dataset({ ...parts, inputs: images([0.1, Number.NaN]) }), /example 1 holds NaN.*Clean the inputs/],
    ["infinity", () => dataset({ ...parts, inputs: images([0.1, 1, 0.2, Number.POSITIVE_INFINITY]) }), /example 1 holds Infinity/],
    [
      "outside the domain",
      () => dataset({ ...parts, inputs: images([0.1, 255]) }),
      /example 1 holds 255, outside the input domain \[0, 1\].*Scale/,
    ],
    ["label too large", () => dataset({ ...parts, labels: [0, 2], classes: ["a", "b"] }), /example 1 has the label 2.*from 0 to 1/],
    ["label negative", () => dataset({ ...parts, labels: [-1, 0] }), /example 0 has the label -1/],
    ["label not whole", () => dataset({ ...parts, labels: [0, 0.5] }), /example 1 has the label 0.5/],
    ["labels missing", () => dataset({ ...parts, labels: [0] }), /2 inputs but 1 labels/],
    [
      "bytes with bounds",
      () => dataset({ ...parts, inputs: zeros([2, 3], "uint8"), bounds: [-1, 1] }),
      /bytes, which stand for \[0, 1\], but the bounds are \[-1,1\]/,
    ],
    ["no examples", () => dataset({ ...parts, inputs: zeros([0, 4]), labels: [] }), /no examples/],
    ["no rows", () => dataset({ ...parts, inputs: full([2], 0.5) }), /inputs have the shape \[2\]/],
  ];

  it.each(cases)("%s", async (_, act, message) => {
    const error = await Promise.resolve()
      .then(act)
      .then(
        () => undefined,
        (e) => e,
      );
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(message);
    expect(error.message).toBe(`${error.message.slice(0, -error.remedy.length - 1)}${error.remedy}.`);
    expect(error.message.startsWith(`${error.where}: `)).toBe(true);
  });
});

/** A POSIX tar archive, written from the format's description. */
function tarOf(files: [name: string, data: Uint8Array][]): Uint8Array {
  const blocks = files.flatMap(([name, data]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`${data.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write("0", 156);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Uint8Array.from(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}
