/** Many steps of a bundle of states, taken several at once and recorded now and then: what simulations of equations and ensembles of training have in common. */

/** A recorded state: the time and X, [paths, dimension]. */
export interface Snapshot {
  t: number;
  X: Float64Array;
}

/** Steps of which each is driven by `width` numbers: increments of noise, weights of a batch. */
export interface March {
  steps: number;
  /** How often the state is recorded, at equally spaced times. */
  records: number;
  /** Time of a step. */
  dt: number;
  width: number;
  /** The numbers of a step (0, 1, …), written to `into` or fresh. */
  drive(step: number, into: Float64Array): Float64Array;
  /** The state after a step for each of the drives, from a state that stays; it may be written to `into`. */
  follow(X: Float64Array, drives: readonly Float64Array[], into: Float64Array): Float64Array | Promise<Float64Array>;
  /** Whether it takes one step at a time. */
  single?: boolean;
  /** What to do when a state leaves the finite numbers. */
  advice: string;
}

/** Steps that are taken at once, and numbers that are drawn ahead for them, at most. */
const [mostSteps, mostNumbers] = [64, 2 ** 18];

/**
 * Takes the steps from X, several at once, and draws those to come while these are computed. Memory is used again and again, since fresh memory for each
 * step would cost as much as a small step itself.
 * @throws RangeError when a state leaves the finite numbers.
 */
export async function march(X: Float64Array, { steps, records, dt, width, drive, follow, single, advice }: March): Promise<Snapshot[]> {
  const period = steps / records;
  const together = single ? 1 : Math.max(1, Math.min(period, mostSteps, Math.floor(mostNumbers / width)));
  const memory = [0, 1].map(() => ({
    state: new Float64Array(X.length),
    drives: Array.from({ length: together }, () => new Float64Array(width)),
  }));
  const draw = (from: number, turn: number) => {
    const count = Math.min(together, period - (from % period), steps - from);
    return memory[turn].drives.slice(0, count).map((into, i) => drive(from + i, into));
  };
  const snapshots: Snapshot[] = [{ t: 0, X }];
  let state = X;
  let drives = draw(0, 0);
  for (let [done, turn] = [0, 0]; done < steps; turn = 1 - turn) {
    const following = follow(state, drives, memory[turn].state);
    done += drives.length;
    const next = draw(done, 1 - turn);
    state = await following;
    drives = next;
    if (done % period !== 0) continue;
    if (!state.every(Number.isFinite)) throw new RangeError(`a path left the finite numbers before t = ${done * dt}: ${advice}`);
    snapshots.push({ t: done * dt, X: state.slice() });
  }
  return snapshots;
}
