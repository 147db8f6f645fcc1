/** Reads tar archives: blocks of 512 bytes, a header with name, octal size and checksum before each file. */
import { DataError } from "./errors.ts";

/** The regular files of an (uncompressed) archive, as views on its bytes. @throws DataError for a broken header or a file that is cut short. */
export function* untar(bytes: Uint8Array, where = "tar"): Generator<{ name: string; data: Uint8Array }> {
  const broken = (problem: string) => new DataError(where, problem, "Get the archive again");
  for (let at = 0; at < bytes.length; ) {
    const header = bytes.subarray(at, at + 512);
    if (header.every((byte) => byte === 0)) return;
    if (header.length < 512) throw broken("the archive is cut short in a header");
    const octal = (from: number, length: number) => Number.parseInt(text(header, from, length), 8);
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (octal(148, 8) !== sum) throw broken(`not a tar archive, or damaged: the header at byte ${at} has a wrong checksum`);
    const length = octal(124, 12);
    const data = bytes.subarray(at + 512, at + 512 + length);
    if (!(data.length === length)) throw broken(`the archive is cut short in ${text(header, 0, 100)}`);
    const kind = text(header, 156, 1);
    if (kind === "0" || kind === "") yield { name: [text(header, 345, 155), text(header, 0, 100)].filter(Boolean).join("/"), data };
    at += 512 + 512 * Math.ceil(length / 512);
  }
}

function text(header: Uint8Array, from: number, length: number): string {
  const field = new TextDecoder("latin1").decode(header.subarray(from, from + length));
  return field.split("\0")[0].trim();
}
