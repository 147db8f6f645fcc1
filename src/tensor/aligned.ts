/**
 * Memory that begins at a cache line, as vector units like it: they read it up to a fifth faster than what JavaScript's own arrays happen to begin at.
 */
import { allocate, byteLength, type DType, type Shape, size, type Tensor, zeros } from "./tensor.ts";

const line = 64;
const page = 65536;
/** What is shorter lies in the processor's nearest cache anyway. */
const least = 8192;
/** WebAssembly's memories are at most this long. */
const largest = 2 ** 32;

/** Tensors of zeros side by side in one memory that begins at a page. WebAssembly's is the only one that promises where it lies. */
export function alignedZeros(wanted: readonly { readonly dtype: DType; readonly shape: Shape }[]): Tensor[] {
  const offsets: number[] = [];
  let total = 0;
  for (const { dtype, shape } of wanted) {
    offsets.push(total);
    total += Math.ceil(byteLength(dtype, shape) / line) * line;
  }
  if (total < least || total > largest) return wanted.map(({ dtype, shape }) => zeros(shape, dtype));
  const buffer = pageAligned(Math.ceil(total / page));
  if (!buffer) return wanted.map(({ dtype, shape }) => zeros(shape, dtype));
  return wanted.map(({ dtype, shape }, i) => ({
    dtype,
    shape: [...shape],
    data: allocate(dtype, size(shape), buffer, offsets[i]),
  }));
}

/** Each memory also reserves gigabytes of addresses, which are no memory; where those run out, ordinary memory will do. */
function pageAligned(pages: number): ArrayBuffer | undefined {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
  } catch {
    return undefined;
  }
}

/** One tensor of float32 zeros in such memory. */
export function aligned(shape: Shape): Tensor<"float32"> {
  return alignedZeros([{ dtype: "float32", shape }])[0] as Tensor<"float32">;
}

/** Copies of tensors by name in such memory. */
export function alignedCopies<T extends Readonly<Record<string, Tensor>>>(tensors: T): T {
  const copies = alignedZeros(Object.values(tensors));
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { data }], i) => {
      (copies[i].data as Float32Array).set(data as Float32Array);
      return [name, copies[i]];
    }),
  ) as T;
}
