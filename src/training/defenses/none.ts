/** Standard training: the mean cross-entropy of the clean batch. */
import { crossEntropy, mean } from "../../graph/index.ts";
import type { Defense } from "../defense.ts";

export const none = (): Defense => ({
  name: "none",
  parameters: {},
  prepare: async () => ({
    crafted: {},
    craft: async () => ({ feeds: {}, gradientEvaluations: 0 }),
    loss({ x, labels }, forward) {
      const logits = forward(x);
      return { loss: mean(crossEntropy(logits, labels)), logits };
    },
    release: async () => {},
  }),
});
