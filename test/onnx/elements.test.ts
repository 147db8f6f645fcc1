/** Element types of files: their bytes become numbers and come back. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeTensor } from "../../src/onnx/decode.ts";
import { elementTypes } from "../../src/onnx/elements.ts";
import { TensorProto_DataType as DataType, TensorProtoSchema } from "../../src/onnx/schema/onnx_pb.ts";

const every16 = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);

describe.each([
  ["float16", DataType.FLOAT16, 0x7c00, 0x3ff],
  ["bfloat16", DataType.BFLOAT16, 0x7f80, 0x7f],
])("%s", (_, code, exponentBits, fractionBits) => {
  const type = elementTypes.get(code)!;
  const numbers = type.decode(every16) as Float32Array;

  it("every pattern of bits comes back", () => {
    const back = new Uint16Array(type.encode(numbers).buffer);
    for (let bits = 0; bits < 65536; bits++) {
      const noNumber = (bits & exponentBits) === exponentBits && (bits & fractionBits) !== 0;
      if (noNumber) expect(numbers[bits]).toBeNaN();
      else if (back[bits] !== bits) throw new Error(`${bits} came back as ${back[bits]}`);
    }
  });

  it("what lies between goes to the nearest, ties to even", () => {
    const [a, b] = [numbers[0x3f00], numbers[0x3f01]];
    const encoded = new Uint16Array(type.encode(Float32Array.of(a + (b - a) * 0.49, (a + b) / 2, a + (b - a) * 0.51)).buffer);
    expect([...encoded]).toEqual([0x3f00, 0x3f00, 0x3f01]);
    const odd = (numbers[0x3f01] + numbers[0x3f02]) / 2;
    expect(new Uint16Array(type.encode(Float32Array.of(odd)).buffer)[0]).toBe(0x3f02);
  });
});

it("float16 has its known values", () => {
  const at = (bits: number) => (elementTypes.get(DataType.FLOAT16)!.decode(Uint8Array.of(bits & 255, bits >> 8)) as Float32Array)[0];
  expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555].map(at)).toEqual([1, -2, 65504, 2 ** -24, 2 ** -14, 0.333251953125]);
});

it.each([
  [DataType.INT8, [-128, 127], "int32"],
  [DataType.INT16, [-32768, 32767], "int32"],
  [DataType.UINT16, [0, 65535], "int32"],
  [DataType.INT32, [-(2 ** 31), 2 ** 31 - 1], "int32"],
  [DataType.BOOL, [0, 1], "bool"],
  [DataType.UINT8, [0, 255], "uint8"],
] as const)("integers of type %i are the same from raw and typed data", (dataType, values, dtype) => {
  const type = elementTypes.get(dataType)!;
  const typed = decodeTensor(create(TensorProtoSchema, { dims: [2n], dataType, int32Data: [...values] }));
  expect([typed.dtype, ...Array.from(typed.data, Number)]).toEqual([dtype, ...values]);
  const raw = decodeTensor(create(TensorProtoSchema, { dims: [2n], dataType, rawData: type.encode(typed.data) }));
  expect(raw).toEqual(typed);
});

it("16-bit floats in typed data are bits", () => {
  const proto = create(TensorProtoSchema, { dims: [2n], dataType: DataType.FLOAT16, int32Data: [0x3c00, 0xc000] });
  expect([...decodeTensor(proto).data]).toEqual([1, -2]);
});
