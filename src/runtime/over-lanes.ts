/** Independent work side by side, a piece at a time on each lane. */
import { backend } from "./backend.ts";

/** How many executables can compute at once, each on a lane of its own. */
export async function laneCount(): Promise<number> {
  return (await backend()).lanes;
}

/**
 * The results of `work` for every item, in their order. Every lane takes the next item that nobody has begun: `work` compiles for the lane that it is given.
 * Where one fails no further item is begun, and what the others are at is waited for before the error is thrown.
 */
export async function overLanes<Item, Result>(
  items: readonly Item[],
  work: (item: Item, lane: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let [begun, failed] = [0, false];
  const lanes = Math.min(await laneCount(), items.length);
  const ends = await Promise.allSettled(
    Array.from({ length: lanes }, async (_, lane) => {
      while (begun < items.length && !failed) {
        const i = begun++;
        try {
          results[i] = await work(items[i], lane);
        } catch (error) {
          failed = true;
          throw error;
        }
      }
    }),
  );
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return results;
}
