import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { catalogue, DataError, type Published } from "../../src/data/index.ts";
import { download } from "../../src/data/node/index.ts";

/** SHA-256 of "abc", from FIPS 180-4. */
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
let home: string;
let server: Server;
let requests = 0;
let origin: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "saddlepoint-download-"));
  server = createServer((request, response) => {
    requests++;
    if (request.url === "/abc") response.end("abc");
    else if (request.url === "/changed") response.end("abd");
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(home, { recursive: true });
});

function published(name: string, path: string): Published {
  return { ...catalogue[0], name, files: [{ name: "file", url: `${origin}/${path}`, sha256: abc }] };
}

it("keeps a file with the right checksum, says how far it is, and does not fetch it again", async () => {
  const seen: unknown[] = [];
  const options = { folder: home, progress: (...told: unknown[]) => seen.push(told) };
  const folder = await download(published("right", "abc"), options);
  expect(await readFile(join(folder, "file"), "utf8")).toBe("abc");
  expect(seen.at(-1)).toEqual(["file", 3, 3]);
  const before = requests;
  await download(published("right", "abc"), options);
  expect(requests).toBe(before);
  await writeFile(join(folder, "file"), "damaged");
  await download(published("right", "abc"), options);
  expect(await readFile(join(folder, "file"), "utf8")).toBe("abc");
});

it.each([
  ["changed", /SHA-256 of the 3 bytes received is a52d159f.*expected ba7816bf.*nothing was kept/],
  ["gone", /download failed \(HTTP 404 Not Found\)/],
])("keeps nothing when the file is %s", async (path, message) => {
  const error = await download(published(path, path), { folder: home }).catch((e) => e);
  expect(error).toBeInstanceOf(DataError);
  expect(error.message).toMatch(message);
  expect(await readdir(join(home, path))).toEqual([]);
});

it("says that there is no network", async () => {
  const unreachable = { ...catalogue[0], files: [{ name: "file", url: "http://127.0.0.1:1/file", sha256: abc }] };
  await expect(download(unreachable, { folder: home })).rejects.toThrow(
    /download failed .*Check the network, or put the file into the data folder by hand/,
  );
});

const shared = join(import.meta.dirname, "../../../shared/data");
it.skipIf(!existsSync(shared))("knows the checksums of the real files (skipped without ../shared/data)", async () => {
  const sums = await readFile(join(shared, "SHA256SUMS"), "utf8");
  for (const { name, files } of catalogue.filter(({ format }) => format === "idx")) {
    for (const file of files) expect(sums).toMatch(new RegExp(`${file.sha256}\\s+\\S*${name}/${file.name}`));
  }
});
