import { DataError } from "./errors.ts";

/** The bytes behind a gzip stream, checksum verified by the platform; bytes that are not gzip come back as they are. @throws DataError for a broken stream. */
export async function unzipped(bytes: Uint8Array, where: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    const plain = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch (cause) {
    throw new DataError(where, `the gzip stream is broken or cut short (${(cause as Error).message})`, "Copy or download the file again", {
      cause,
    });
  }
}
