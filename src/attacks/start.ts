/** An adversarial point for minimum-norm attacks to start from. */
import type { Example, Steps } from "./attack.ts";
import { fabTargeted } from "./fab.ts";
import { margin } from "./run.ts";
import { distance } from "./threat.ts";

/**
 * The nearest adversarial point that targeted FAB meets in a few steps towards each class; the input itself where it meets none, with 0 steps, and in
 * L0, for which FAB is not defined. From the input, ascent stops on models trained in L∞ where their gradient leads nowhere.
 */
export function* adversarialStart(example: Example, steps: number): Steps<Float32Array> {
  const { center, norm } = example.set;
  const nearest = { point: center.slice(), away: Number.POSITIVE_INFINITY };
  if (steps === 0 || norm === "l0") return nearest.point;
  const search = fabTargeted({ steps }).steps(example);
  for (let next = search.next(); !next.done; ) {
    const { point } = next.value;
    const answer = yield next.value;
    const away = distance(point, center, norm);
    if (away < nearest.away && margin(example, answer.logits) > 0) {
      nearest.away = away;
      nearest.point.set(point);
    }
    next = search.next(answer);
  }
  return nearest.point;
}
