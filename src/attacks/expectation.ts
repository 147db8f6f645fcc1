/** Randomized models: an oracle that answers with averages (expectation over transformation, Athalye et al. 2018), and one that adds noise. */
import { type Key, normal } from "../tensor/index.ts";
import { AttackError, type Oracle } from "./oracle.ts";

/**
 * Answers with the mean logits, loss and gradient of `samples` answers of a randomized oracle. Attacks on it count expectations, not single passes;
 * success is that of the mean logits.
 */
export function expectation(oracle: Oracle, samples: number): Oracle {
  if (!(Number.isInteger(samples) && samples > 0)) throw new AttackError(`samples must be a whole number > 0, not ${samples}`);
  return {
    ...oracle,
    lanes: undefined,
    async answer(queries) {
      const means = (await oracle.answer(queries)).map(({ logits, loss, gradient }) => ({
        logits: logits.slice(),
        loss,
        gradient: gradient.slice(),
      }));
      for (let sample = 1; sample < samples; sample++) {
        const answers = await oracle.answer(queries);
        means.forEach((mean, i) => {
          accumulate(mean.logits, answers[i].logits);
          accumulate(mean.gradient, answers[i].gradient);
          mean.loss += answers[i].loss;
        });
      }
      for (const mean of means) {
        scale(mean.logits, samples);
        scale(mean.gradient, samples);
        mean.loss /= samples;
      }
      return means;
    },
  };
}

/** A model that adds Gaussian noise to every input it is shown, fresh at each call. */
export function noisy(oracle: Oracle, deviation: number, key: Key): Oracle {
  let calls = 0;
  return {
    ...oracle,
    lanes: undefined,
    answer: (queries) => {
      const call = key.fold("noise", calls++);
      return oracle.answer(
        queries.map((query, i) => {
          const noise = normal(call.fold(i), [query.point.length], deviation).data;
          return { ...query, point: query.point.map((v, j) => v + noise[j]) };
        }),
      );
    },
  };
}

function accumulate(total: Float32Array, term: Float32Array): void {
  for (let i = 0; i < total.length; i++) total[i] += term[i];
}

function scale(total: Float32Array, count: number): void {
  for (let i = 0; i < total.length; i++) total[i] /= count;
}
