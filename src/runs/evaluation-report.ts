/** What `saddle evaluate` writes as report.json. The schema is the documentation: every field says what it holds. */
import { z } from "zod";

const share = z.object({
  count: z.int().describe("examples that have the property"),
  of: z.int().describe("examples in all"),
  value: z.number().describe("count / of"),
  interval: z.tuple([z.number(), z.number()]).describe("Wilson's 95 % interval for the population"),
});

const attack = z.object({
  attack: z.string().describe("name, as on the command line"),
  parameters: z.record(z.string(), z.unknown()).describe("hyper-parameters, all of them"),
  attempted: z.int().describe("examples that still stood when it began"),
  broken: z.int().describe("of these, how many it broke"),
  forwardEvaluations: z.number().describe("points that the model was evaluated at, over all examples"),
  gradientEvaluations: z.number().describe("of these, how many with a gradient"),
  seconds: z.number().describe("time, over all runs where it was resumed"),
});

export const evaluationReport = z.object({
  schema: z.literal(1).describe("version of this schema"),
  model: z.string().describe("the network's name"),
  data: z.string().describe("the data set; the examples are the first of its test split"),
  note: z.string().optional().describe("what a reader must know of the data"),
  notes: z.array(z.string()).describe("what was found and changed when the model was imported"),
  remarks: z.array(z.string()).describe("attacks that were left out or changed for this model, and why"),
  epoch: z.number().optional().describe("epoch of the weights, counted from 1"),
  norm: z.string().describe("linf, l2, l1 or l0"),
  epsilon: z.number().describe("the largest radius, in input units; clean, robust and attacks refer to it"),
  examples: z.int().describe("examples that were evaluated"),
  clean: share.describe("classified correctly without an adversary"),
  robust: share.describe("classified correctly, and no attack broke it"),
  attacks: z.array(attack).describe("in the order in which they ran; each saw what still stood"),
  curve: z.array(z.object({ epsilon: z.number(), robust: share, attacks: z.array(attack) })).describe("the same for every ε, ascending"),
  classes: z
    .array(z.object({ label: z.int(), name: z.string(), examples: z.int(), clean: z.number(), robust: z.number() }))
    .describe("shares by class"),
  distances: z
    .object({
      norm: z.string(),
      attacks: z.array(z.string()).describe("minimum-norm attacks; the least distance of each example counts"),
      median: z.number().nullable().describe("over the examples that are classified correctly"),
      quantiles: z.record(z.string(), z.number().nullable()),
      values: z
        .array(z.number())
        .describe("per example: an upper bound of the distance to the decision boundary; 0 where it is wrong already"),
    })
    .optional(),
  masking: z
    .object({
      probed: z.int().describe("correctly classified examples that were probed"),
      measured: z.record(z.string(), z.number()).describe("shares of the probed examples, and the median gap between logits"),
      symptoms: z.array(z.object({ sign: z.string(), evidence: z.string(), remedy: z.string() })).describe("empty: nothing was found"),
    })
    .optional()
    .describe("signs that gradients mislead the attacks; absent where the diagnosis was not wanted"),
  soundness: z.object({
    witnesses: z.int().describe("adversarial points in witnesses.npz that were read back and checked: norm, box, prediction"),
  }),
  seconds: z.number(),
  examplesPerSecond: z.number().describe("examples evaluated per second, all attacks together"),
  seed: z.int(),
  settings: z.record(z.string(), z.unknown()).describe("the options of the command"),
  machine: z.record(z.string(), z.unknown()),
  date: z.string().describe("when it was finished, ISO 8601"),
  verdicts: z
    .array(
      z.object({
        index: z.int(),
        label: z.int(),
        verdict: z.enum(["wrong", "broken", "standing"]),
        predicted: z.int().describe("class of the untouched input"),
        attack: z.string().optional().describe("the attack that broke it"),
        adversarial: z.int().optional().describe("class of its witness"),
        distance: z.number().optional().describe("distance of its witness"),
      }),
    )
    .describe("one for each example"),
});

export type EvaluationReport = z.infer<typeof evaluationReport>;
