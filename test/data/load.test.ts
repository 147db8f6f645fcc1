import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { decode, encode } from "fast-png";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { DataError, encodeIdx, encodeNpy, encodeNpz } from "../../src/data/index.ts";
import { dataFolders, loadData } from "../../src/data/node/index.ts";
import { tensor, zeros } from "../../src/tensor/index.ts";

const shared = join(import.meta.dirname, "../../../shared/data");
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "saddlepoint-data-"));
});
afterAll(() => rm(home, { recursive: true }));

async function folder(...path: string[]): Promise<string> {
  const made = join(home, ...path);
  await mkdir(made, { recursive: true });
  return made;
}

describe.skipIf(!existsSync(shared))("the published data (skipped without ../shared/data)", () => {
  // First labels and counts as the files' own description states them.
  it.each([
    ["mnist", [60_000, 1, 28, 28], [5, 0, 4, 1, 9], 0.1307],
    ["fashion-mnist", [60_000, 1, 28, 28], [9, 0, 0, 3, 0], 0.286],
  ])("%s", async (name, shape, labels, mean) => {
    const data = await loadData(name, { dataDir: shared });
    expect([data.inputs.shape, [...data.labels.subarray(0, 5)], data.note]).toEqual([shape, labels, undefined]);
    const pixels = data.inputs.data as Uint8Array;
    expect(pixels.reduce((sum, v) => sum + v, 0) / pixels.length / 255).toBeCloseTo(mean, 4);
  });

  it("cifar10 says that it is partial; the JPEG copy is close to it and says what it is", async () => {
    const lossless = await loadData("cifar10", { split: "test", dataDir: shared, limit: 60 });
    const jpeg = await loadData("cifar10-jpeg", { split: "test", dataDir: shared, limit: 60 });
    expect([lossless.note, jpeg.note]).toEqual(["partial: 1017 of 10000 test images", "CIFAR-10 (JPEG q75)"]);
    expect([...jpeg.labels]).toEqual([...lossless.labels]);
    const errors = Array.from(lossless.inputs.data, (v, i) => Math.abs(v - jpeg.inputs.data[i]));
    const mean = errors.reduce((sum, v) => sum + v, 0) / errors.length;
    // 5.8 over all images by the description; unrelated or transposed images differ by 60 and more.
    expect(mean).toBeGreaterThan(4);
    expect(mean).toBeLessThan(8);
  });
});

describe("folders of IDX files", () => {
  const images = encodeIdx(tensor([0, 1, 2, 3, 4, 5, 6, 7], [2, 2, 2], "uint8"));
  const labels = encodeIdx(tensor([3, 9], [2], "uint8"));

  it.each(["mnist", "MNIST/raw", "."])("are found in %s, packed or not", async (place) => {
    const root = await folder("idx", place.replace("/", "-"));
    const inside = await folder("idx", place.replace("/", "-"), place);
    await writeFile(join(inside, "train-images-idx3-ubyte"), images);
    await writeFile(join(inside, "train-labels-idx1-ubyte.gz"), gzipSync(labels));
    const data = await loadData("mnist", { dataDir: root });
    expect([data.inputs.shape, [...data.labels], data.note]).toEqual([[2, 1, 2, 2], [3, 9], "partial: 2 of 60000 training images"]);
    await expect(loadData("mnist", { dataDir: root, split: "test" })).rejects.toThrow(/no files of its test split/);
  });

  it.skipIf(!existsSync(shared))("of Fashion-MNIST are not taken for MNIST", async () => {
    const root = await folder("swapped");
    for (const name of ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
      await copyFile(join(shared, "fashion-mnist", name), join(root, name));
    await expect(loadData("mnist", { split: "test", dataDir: root })).rejects.toThrow(/belongs to fashion-mnist, not to mnist/);
    expect((await loadData("fashion-mnist", { split: "test", dataDir: root })).labels.length).toBe(10_000);
  });
});

describe("arrays", () => {
  const arrays = {
    x_train: zeros([4, 2, 2], "uint8"),
    y_train: tensor([0, 1, 2, 1], [4], "int64"),
    x_test: zeros([1, 2, 2]),
    y_test: tensor([2], [1], "int32"),
  };

  it("load from an npz file and from a folder of npy files alike", async () => {
    const root = await folder("arrays");
    await writeFile(join(root, "all.npz"), encodeNpz(arrays));
    for (const [name, array] of Object.entries(arrays)) await writeFile(join(root, `${name}.npy`), encodeNpy(array));
    for (const source of [`npz:${join(root, "all.npz")}`, `npy:${root}`]) {
      const train = await loadData(source);
      expect([train.shape, [...train.labels], train.classes]).toEqual([
        [1, 2, 2],
        [0, 1, 2, 1],
        ["0", "1", "2"],
      ]);
      expect((await loadData(source, { split: "test" })).inputs.shape).toEqual([1, 1, 2, 2]);
      expect((await loadData(source, { limit: 3 })).labels.length).toBe(3);
    }
  });
});

describe("folders of images", () => {
  const grey = (value: number, side = 3) =>
    encode({ width: side, height: side, channels: 1, data: new Uint8Array(side * side).fill(value) });
  const red = encode({ width: 3, height: 3, channels: 3, data: Uint8Array.from({ length: 27 }, (_, i) => (i % 3 === 0 ? 200 : 0)) });

  it("take classes from subfolders, PNG and JPEG, and widen grey images among coloured ones", async () => {
    const root = await folder("pictures");
    const jpeg = await sharp({ create: { width: 3, height: 3, channels: 3, background: { r: 90, g: 90, b: 90 } } })
      .jpeg({ quality: 100 })
      .toBuffer();
    await writeFile(join(await folder("pictures", "train", "cat"), "1.png"), grey(10));
    await writeFile(join(await folder("pictures", "train", "dog"), "1.png"), red);
    await writeFile(join(root, "train", "dog", "2.jpg"), jpeg);
    const data = await loadData(`folder:${root}`);
    expect([data.inputs.shape, [...data.labels], data.classes]).toEqual([
      [3, 3, 3, 3],
      [0, 1, 1],
      ["cat", "dog"],
    ]);
    const plane = (image: number, channel: number) => [
      ...new Set(data.inputs.data.subarray((image * 3 + channel) * 9, (image * 3 + channel + 1) * 9)),
    ];
    expect([0, 1, 2].map((channel) => plane(0, channel))).toEqual([[10], [10], [10]]);
    expect([0, 1, 2].map((channel) => plane(1, channel))).toEqual([[200], [0], [0]]);
    for (const value of plane(2, 0)) expect(Math.abs(value - 90)).toBeLessThanOrEqual(2);
    await expect(loadData(`folder:${root}`, { split: "test" })).rejects.toThrow(/no subfolder test/);
  });

  it("read palettes", async () => {
    const stripes = Buffer.from([255, 0, 0, 0, 0, 255, 255, 0, 0]);
    const raw = { width: 3, height: 1, channels: 3 } as const;
    const file = await sharp(stripes, { raw }).png({ palette: true }).toBuffer();
    expect(decode(file).palette).toHaveLength(2);
    for (const name of ["a", "b"]) await writeFile(join(await folder("palette", name), "1.png"), file);
    const { inputs } = await loadData(`folder:${join(home, "palette")}`, { limit: 1 });
    expect([...inputs.data]).toEqual([255, 0, 255, 0, 0, 0, 0, 255, 0]);
  });

  const rgba = encode({ width: 3, height: 3, channels: 4, data: new Uint8Array(36).fill(9) });
  const deep = encode({ width: 3, height: 3, channels: 1, depth: 16, data: new Uint16Array(9) });
  const broken: [string, Uint8Array, RegExp][] = [
    ["another size", grey(1, 4), /image is 4×4, the first one 3×3.*one size/],
    ["transparency", rgba, /has transparency/],
    ["16 bits", deep, /16 bits per channel/],
    ["a PNG cut short", red.subarray(0, 50), /PNG is damaged/],
    ["a PNG with a flipped bit", red.map((v, i) => (i === red.length - 20 ? v ^ 1 : v)), /PNG is damaged/],
    ["no image", Uint8Array.of(1, 2, 3), /not a readable PNG or JPEG image/],
  ];
  it.each(broken)("refuse %s, naming the file", async (what, bytes, message) => {
    const root = await folder("broken", what);
    await writeFile(join(await folder("broken", what, "a"), "1.png"), grey(1));
    await writeFile(join(await folder("broken", what, "b"), "1.png"), bytes);
    const error = await loadData(`folder:${root}`).catch((e) => e);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(message);
    expect(error.where).toContain(join("b", "1.png"));
  });

  it("refuse a folder without classes and a class without images", async () => {
    await folder("few", "a");
    await expect(loadData(`folder:${join(home, "few")}`)).rejects.toThrow(/holds 1 subfolders.*one subfolder per class/);
    await folder("few", "b");
    await expect(loadData(`folder:${join(home, "few")}`)).rejects.toThrow(/holds no PNG or JPEG images/);
  });
});

describe("what is missing is said", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("SADDLE_DATA is used, and named when its folder is not there", async () => {
    vi.stubEnv("SADDLE_DATA", join(home, "nowhere"));
    expect(() => dataFolders()).toThrow(/SADDLE_DATA names a folder that does not exist/);
    vi.stubEnv("SADDLE_DATA", home);
    vi.stubEnv("XDG_CACHE_HOME", join(home, "cache"));
    expect(dataFolders()).toEqual([home, join(home, "cache", "saddlepoint", "data")]);
    const error = await loadData("cifar10").catch((e) => e);
    expect(error.message).toMatch(/cifar10: no files of its train split in .*Set SADDLE_DATA or --data-dir.*`saddle data get cifar10`/);
  });

  it.each([
    ["mnits", /no data set of this name\. Choose one of digits, mnist, /],
    ["npz:/not/here.npz", /cannot be read \(ENOENT\)/],
    ["npy:/not/here", /not a readable folder \(ENOENT\)/],
    ["folder:/not/here", /not a readable folder \(ENOENT\)/],
  ])("%s", async (source, message) => {
    const error = await loadData(source).catch((e) => e);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(message);
  });

  it("a limit below one", async () => {
    await expect(loadData("digits", { limit: 0 })).rejects.toThrow(DataError);
  });
});
