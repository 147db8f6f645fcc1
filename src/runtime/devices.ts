/** What there is to compute on. */
import { type Backend, backend, type Device } from "./backend.ts";
import { DeviceError } from "./errors.ts";

/** The devices that this environment has, the default first, and the version of ONNX Runtime. */
export async function devices(): Promise<{ devices: readonly Device[]; version: string }> {
  const engine = await backend();
  return { devices: await devicesOf(engine), version: engine.version };
}

/** The device asked for, or the default. @throws DeviceError when it is not there, naming what is. */
export async function chooseDevice(engine: Backend, device = engine.candidates[0]): Promise<Device> {
  if (engine.candidates.includes(device) && (await engine.has(device))) return device;
  const there = await devicesOf(engine);
  throw new DeviceError(
    `device "${device}" is not there; there ${there.length === 1 ? "is" : "are"} ${there.map((d) => `"${d}"`).join(", ")}`,
  );
}

async function devicesOf(engine: Backend): Promise<Device[]> {
  const found: Device[] = [];
  for (const device of engine.candidates) if (await engine.has(device)) found.push(device);
  return found;
}
