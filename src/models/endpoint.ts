/**
 * A classifier behind an HTTP endpoint that speaks the prediction protocol of TensorFlow Serving and of KServe (version 1):
 *
 *     POST URL   {"instances": [x₁, x₂, …]}       every xᵢ nested as the shape of an example
 *     200        {"predictions": [y₁, y₂, …]}     every yᵢ a list of one score per class, or the number of the predicted class
 */
import { type Shape, size, type Tensor, tensor } from "../tensor/index.ts";
import type { Network } from "./model.ts";
import type { Predictor } from "./predictor.ts";

export interface EndpointOptions {
  /** Shape of one example. */
  inputShape: Shape;
  /** How many classes there are, for an endpoint that gives only the predicted one. */
  classes: number;
  /** Bounds of the inputs; default [0, 1]. */
  domain?: Network["domain"];
  /** What is sent is (x − mean)/deviation, per channel. */
  mean?: readonly number[];
  deviation?: readonly number[];
  /** Most seconds to wait for an answer. */
  timeout?: number;
}

/** An endpoint that is not there, or does not answer as the protocol says. */
export class EndpointError extends Error {
  override name = "EndpointError";
  readonly hint: string;
  constructor(
    message: string,
    hint = 'asked is POST {"instances": [x, …]}, expected 200 with {"predictions": [scores or class, …]}',
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.hint = hint;
  }
}

const KEPT = "what an evaluation has done is kept: once the endpoint answers again, the same command goes on";

/** The classifier at a URL, asked about one point to see what it gives. @throws EndpointError */
export async function openEndpoint(
  url: string,
  { inputShape, classes, domain = { low: 0, high: 1 }, mean = [0], deviation = [1], timeout = 30 }: EndpointOptions,
): Promise<Predictor> {
  for (const [name, values] of Object.entries({ mean, deviation }))
    if (values.length !== 1 && values.length !== inputShape[0])
      throw new EndpointError(`${values.length} numbers as ${name} do not fit ${inputShape[0]} channels`);
  const each = size(inputShape.slice(1));
  const channelOf = (values: readonly number[], i: number) => values[(Math.floor(i / each) % inputShape[0]) % values.length];
  const ask = ({ data, shape }: Tensor<"float32">) => {
    const sent = Array.from(data, (v, i) => (v - channelOf(mean, i)) / channelOf(deviation, i));
    return post(url, nested(sent, shape.slice(1)), timeout);
  };
  const probe = tensor(new Float32Array(size(inputShape)).fill(domain.low), [1, ...inputShape]);
  const [first] = await ask(probe);
  const gives = typeof first === "number" ? "classes" : "scores";
  const known = typeof first === "number" ? classes : first.length;
  return {
    name: url,
    inputShape,
    domain,
    classes: known,
    gives,
    notes: [`${url} is asked for predictions and attacked as a black box`],
    async predict(points) {
      const predictions = await ask(points);
      const wrong = predictions.findIndex((one) =>
        gives === "classes" ? typeof one !== "number" : typeof one === "number" || one.length !== known,
      );
      if (wrong >= 0)
        throw new EndpointError(
          `${url} gave ${JSON.stringify(predictions[wrong])} as prediction ${wrong}, where it gave ${gives === "classes" ? "the number of a class" : `${known} scores`} before`,
        );
      return tensor(predictions.flat(), gives === "classes" ? [predictions.length] : [predictions.length, known]);
    },
    release: async () => {},
  };
}

type Prediction = number | number[];

async function post(url: string, instances: unknown[], seconds: number): Promise<Prediction[]> {
  const [status, text] = await exchange(url, JSON.stringify({ instances }), seconds);
  const beginning = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  if (status !== 200)
    throw new EndpointError(`${url} answered with status ${status}: ${beginning || "no text"}`, status >= 500 ? KEPT : undefined);
  const predictions = predictionsIn(text);
  if (!predictions) throw new EndpointError(`${url} answered with what is no {"predictions": […]}: ${beginning || "no text"}`);
  if (predictions.length !== instances.length)
    throw new EndpointError(`${url} gave ${predictions.length} predictions for ${instances.length} instances`);
  const wrong = predictions.findIndex((one) => !isPrediction(one));
  if (wrong >= 0)
    throw new EndpointError(
      `${url} gave ${JSON.stringify(predictions[wrong])} as prediction ${wrong}, which is neither the number of a class nor a list of scores`,
    );
  return predictions as Prediction[];
}

async function exchange(url: string, body: string, seconds: number): Promise<[status: number, text: string]> {
  try {
    const signal = AbortSignal.timeout(1000 * seconds);
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body, signal });
    return [response.status, await response.text()];
  } catch (error) {
    if ((error as Error).name === "TimeoutError")
      throw new EndpointError(`${url} did not answer within ${seconds} s`, KEPT, { cause: error });
    const { message, cause } = error as Error;
    throw new EndpointError(
      `${url} cannot be reached: ${cause instanceof Error ? cause.message || (cause as { code?: string }).code : message}`,
      KEPT,
      { cause: error },
    );
  }
}

function predictionsIn(text: string): unknown[] | undefined {
  try {
    const { predictions } = JSON.parse(text);
    return Array.isArray(predictions) ? predictions : undefined;
  } catch {
    return undefined;
  }
}

function isPrediction(one: unknown): one is Prediction {
  return Number.isInteger(one) || (Array.isArray(one) && one.length > 1 && one.every((score) => typeof score === "number"));
}

/** Numbers as lists in lists of a shape, row-major, with as many of them as there are. */
function nested(data: readonly number[], shape: Shape): unknown[] {
  return shape
    .toReversed()
    .reduce<readonly unknown[]>(
      (parts, extent) => Array.from({ length: parts.length / extent }, (_, i) => parts.slice(i * extent, (i + 1) * extent)),
      data,
    ) as unknown[];
}
