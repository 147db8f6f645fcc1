/** Sessions kept for reuse, bounded in bytes: the least recently used ones that nobody holds are released first. */
import type { Session } from "./backend.ts";

interface Entry {
  readonly session: Promise<Session>;
  readonly bytes: number;
  holders: number;
}

const entries = new Map<string, Entry>();
let limit = 512 * 2 ** 20;

export interface Lease {
  readonly session: Session;
  /** Gives the session back; it stays in the cache as long as there is room. */
  release(): Promise<void>;
}

/** The session under a key, made by `create` where there is none. `bytes` is what it is estimated to hold. */
export async function lease(key: string, bytes: number, create: () => Promise<Session>): Promise<Lease> {
  const entry = entries.get(key) ?? { session: create(), bytes, holders: 0 };
  entries.delete(key);
  entries.set(key, entry);
  entry.holders++;
  try {
    const session = await entry.session;
    await evict();
    return { session, release: () => giveBack(entry) };
  } catch (error) {
    entries.delete(key);
    throw error;
  }
}

/** Sets how many bytes sessions may hold that nobody uses, together with those in use (default 512 MiB), and makes room at once. */
export async function setSessionCacheBytes(bytes: number): Promise<void> {
  limit = bytes;
  await evict();
}

/** Number of sessions alive and the bytes they are estimated to hold. */
export function sessionCacheUse(): { sessions: number; bytes: number } {
  return { sessions: entries.size, bytes: [...entries.values()].reduce((total, { bytes }) => total + bytes, 0) };
}

async function giveBack(entry: Entry): Promise<void> {
  entry.holders--;
  await evict();
}

/** Those to go are taken out at once and released afterwards, since others may want room in between. */
async function evict(): Promise<void> {
  let { bytes } = sessionCacheUse();
  const leaving: Entry[] = [];
  for (const [key, entry] of entries) {
    if (bytes <= limit) break;
    if (entry.holders > 0) continue;
    entries.delete(key);
    bytes -= entry.bytes;
    leaving.push(entry);
  }
  for (const { session } of leaving) await (await session).release();
}
