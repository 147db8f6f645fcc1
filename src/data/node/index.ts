export * from "./download.ts";
export { cacheFolder, dataFolders, sha256 } from "./files.ts";
export { decodeImage } from "./images.ts";
export * from "./load.ts";
export { locate } from "./published.ts";
