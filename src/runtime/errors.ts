/** What can go wrong between a graph and its numbers. */

/** Data that do not fit an executable: a missing or unknown name, another shape or dtype, memory that cannot be used. */
export class FeedError extends Error {
  override name = "FeedError";
}

/** A device that is not there. */
export class DeviceError extends Error {
  override name = "DeviceError";
}

/** A graph that the device cannot run. */
export class CompileError extends Error {
  override name = "CompileError";
}
