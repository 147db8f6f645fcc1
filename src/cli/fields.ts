/** Option fields that several commands share, so that they are named, checked and explained alike everywhere. */
import { z } from "zod";

/** A number or a fraction, 0.3 or 8/255; at least zero. */
export function fraction() {
  return z.union([z.number(), z.string()], { error: FRACTION }).transform((value, context) => {
    const number = typeof value === "number" ? value : parseFraction(value);
    if (Number.isFinite(number) && number >= 0) return number;
    context.addIssue({ code: "custom", message: `${FRACTION}, not ${JSON.stringify(value)}` });
    return z.NEVER;
  });
}

const FRACTION = "must be a number of at least 0 or a fraction such as 8/255";

/** The value of "0.3", "8/255" or "1e-3"; NaN for anything else. */
export function parseFraction(text: string): number {
  const [numerator, denominator = "1", ...rest] = text.split("/");
  if (rest.length > 0 || numerator.trim() === "" || denominator.trim() === "") return Number.NaN;
  return Number(numerator) / Number(denominator);
}

export const seed = z.int().min(0).default(0).meta({ description: "seed of every random stream; the same seed gives the same numbers" });
export const threads = z.int().min(1).optional().meta({ description: "threads of the engine (default: one per core)" });
export const device = z.enum(["cpu", "cuda", "webgpu"]).optional().meta({ description: "where to compute (default: cpu)" });
export const dataDir = z.string().optional().meta({ placeholder: "DIR", description: "folder of the data sets (default: $SADDLE_DATA)" });
export const bounds = z
  .array(z.number())
  .length(2)
  .refine(([low, high]) => low < high, { error: "must be the smallest and the largest value, such as 0,255" })
  .optional()
  .meta({ placeholder: "LOW,HIGH", description: "smallest and largest value of an input, where npz: or npy: data do not lie in 0 to 1" });
export const inputShape = z
  .array(z.int().min(1))
  .optional()
  .meta({ placeholder: "C,H,W", description: "shape of one example, where a model file leaves it open (in the file's layout)" });
export const output = z
  .string()
  .optional()
  .meta({ placeholder: "NAME", description: "output of a model file that holds the scores of the classes, where it has several" });
export const json = z
  .boolean()
  .default(false)
  .meta({ description: "print the result as one line of JSON on stdout, everything else on stderr" });
