import { readFileSync } from "node:fs";
import { fc, test } from "@fast-check/vitest";
import { unzipSync } from "fflate";
import { describe, expect, it, vi } from "vitest";
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz } from "../../src/data/index.ts";
import { allocate, type DType, size, type Tensor } from "../../src/tensor/index.ts";

const dtypes: DType[] = ["float32", "float64", "int32", "int64", "uint8", "bool"];

/** Any tensor: every dtype, up to four axes (extents may be 0), any bits. */
const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([dtype, shape]) =>
    fc.uint8Array({ minLength: 8 * size(shape), maxLength: 8 * size(shape) }).map((bytes) => {
      const data = allocate(dtype, size(shape));
      new Uint8Array(data.buffer).set(bytes.subarray(0, data.byteLength));
      return { dtype, shape, data };
    }),
  );

const bits = ({ data }: Tensor) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe("round trips", () => {
  test.prop([anyTensor])("npy keeps dtype, shape and every bit, and gives memory of its own", (source) => {
    const file = encodeNpy(source);
    const padded = new Uint8Array(file.length + 3);
    padded.set(file, 3);
    const back = decodeNpy(padded.subarray(3));
    expect([back.dtype, back.shape, back.data.byteOffset]).toEqual([source.dtype, source.shape, 0]);
    expect(bits(back)).toEqual(bits(source));
    expect((file.length - source.data.byteLength) % 64).toBe(0);
  });

  test.prop([fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), anyTensor, { maxKeys: 4 }), fc.boolean()])(
    "npz keeps its arrays",
    (arrays, compress) => {
      const back = decodeNpz(encodeNpz(arrays, { compress }));
      expect(Object.keys(back).sort()).toEqual(Object.keys(arrays).sort());
      for (const [name, array] of Object.entries(arrays)) expect([back[name].shape, bits(back[name])]).toEqual([array.shape, bits(array)]);
    },
  );
});

it("npz bytes do not depend on the time of day", () => {
  const arrays = { a: { dtype: "uint8", shape: [2], data: Uint8Array.of(1, 2) } } as const;
  const now = vi.useFakeTimers().setSystemTime(new Date(2020, 1, 1)) && encodeNpz(arrays);
  const later = vi.setSystemTime(new Date(2025, 6, 2)) && encodeNpz(arrays);
  vi.useRealTimers();
  expect(now).toEqual(later);
});

describe("files written by NumPy", () => {
  const files = unzipSync(readFileSync(new URL("../fixtures/numpy_arrays.npz", import.meta.url)));
  const values = Array.from({ length: 24 }, (_, i) => i);
  const cases: [name: string, dtype: DType, values: (number | bigint)[]][] = [
    ["f4", "float32", values.map((i) => i / 8)],
    ["f8", "float64", values.map((i) => i / 8)],
    ["i4", "int32", values.map((i) => i - 5)],
    ["i8", "int64", values.map((i) => BigInt(i - 5))],
    ["u1", "uint8", values],
    ["b1", "bool", values.map((i) => i % 2)],
    ["fortran", "float32", values.map((i) => i / 8)],
    ["version2", "int32", values.map((i) => i - 5)],
    ["version3", "int32", values.map((i) => i - 5)],
  ];
  it.each(cases)("%s", (name, dtype, expected) => {
    const array = decodeNpy(files[`${name}.npy`]);
    expect([array.dtype, array.shape]).toEqual([dtype, [2, 3, 4]]);
    expect([...array.data]).toEqual(expected);
  });

  it("scalars and empty arrays", () => {
    expect(decodeNpy(files["scalar.npy"])).toEqual({ dtype: "float32", shape: [], data: Float32Array.of(2.5) });
    expect(decodeNpy(files["empty.npy"])).toEqual({ dtype: "float32", shape: [0, 3], data: new Float32Array(0) });
  });

  it.each(["big_endian", "complex"])("refuses %s with the types that are read", (name) => {
    expect(() => decodeNpy(files[`${name}.npy`], "a.npy")).toThrow(/^a\.npy: arrays of type .* astype .*<f4/);
  });
});
