/** Endpoints: what is sent, what is understood, and what is said of answers that are none. */
import { afterEach, expect, it } from "vitest";
import { EndpointError, openEndpoint } from "../../src/models/index.ts";
import { tensor } from "../../src/tensor/index.ts";
import { type Service, service } from "./service.ts";

const open: Service[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
async function started(answer: Parameters<typeof service>[0]): Promise<Service> {
  const one = await service(answer);
  open.push(one);
  return one;
}
const options = { inputShape: [2, 1, 3], classes: 4 };
const points = tensor([0, 0.125, 0.25, 0.375, 0.5, 0.625, 1, 0.875, 0.75, 0.625, 0.5, 0.375], [2, 2, 1, 3]);

it("is sent the instances nested and normalized, and gives scores", async () => {
  const { url, asked } = await started((instances) => ({ predictions: instances.map((_, i) => [i, 2.5, -1e-3]) }));
  const endpoint = await openEndpoint(url, { ...options, mean: [0, 0.5], deviation: [1, 0.25] });
  expect([endpoint.gives, endpoint.classes, endpoint.inputShape]).toEqual(["scores", 3, [2, 1, 3]]);
  const { data, shape } = await endpoint.predict(points);
  expect(shape).toEqual([2, 3]);
  expect([...data]).toEqual([0, 2.5, -1e-3, 1, 2.5, -1e-3].map(Math.fround));
  expect(asked[1]).toEqual([
    [[[0, 0.125, 0.25]], [[-0.5, 0, 0.5]]],
    [[[1, 0.875, 0.75]], [[0.5, 0, -0.5]]],
  ]);
});

it("may give classes alone", async () => {
  const { url } = await started((instances) => ({ predictions: instances.map((_, i) => 3 - i) }));
  const endpoint = await openEndpoint(url, options);
  expect([endpoint.gives, endpoint.classes]).toEqual(["classes", 4]);
  expect(await endpoint.predict(points)).toEqual(tensor([3, 2], [2]));
});

it.each<[string, Parameters<typeof service>[0], RegExp]>([
  ["another status", () => [503, "overloaded"], /answered with status 503: overloaded$/],
  ["no JSON", () => "<html>", /answered with what is no \{"predictions": \[…\]\}: <html>/],
  ["NaN, as Python writes it", () => '{"predictions": [[NaN, 1]]}', /no \{"predictions": \[…\]\}: \{"predictions": \[\[NaN/],
  ["another key", () => ({ outputs: [[1, 2]] }), /no \{"predictions"/],
  [
    "too many",
    () => ({
      predictions: [
        [1, 2],
        [1, 2],
      ],
    }),
    /gave 2 predictions for 1 instances/,
  ],
  ["texts", () => ({ predictions: ["cat"] }), /gave "cat" as prediction 0, which is neither the number of a class nor a list of scores/],
  ["null", () => ({ predictions: [[1, null]] }), /gave \[1,null\] as prediction 0/],
  ["one score", () => ({ predictions: [[0.3]] }), /gave \[0.3\] as prediction 0/],
  ["nothing at all", () => undefined, /did not answer within 0.2 s/],
])("says what is wrong: %s", async (_, answer, message) => {
  const { url } = await started(answer);
  const error = await openEndpoint(url, { ...options, timeout: 0.2 }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EndpointError);
  expect((error as EndpointError).message).toMatch(message);
  expect((error as EndpointError).message).toContain(url);
  const away = /status 503|did not answer/.test((error as EndpointError).message);
  expect((error as EndpointError).hint).toContain(away ? "the same command goes on" : '{"instances": [x, …]}');
});

it("says when nobody is there, and when answers change their form", async () => {
  const { url } = await started((instances, n) => ({ predictions: instances.map(() => (n === 0 ? [1, 2] : n === 1 ? [1, 2, 3] : 1)) }));
  const endpoint = await openEndpoint(url, options);
  await expect(endpoint.predict(points)).rejects.toThrow("gave [1,2,3] as prediction 0, where it gave 2 scores before");
  await expect(endpoint.predict(points)).rejects.toThrow("gave 1 as prediction 0, where it gave 2 scores before");
  await open.splice(0)[0].close();
  await expect(endpoint.predict(points)).rejects.toThrow(/cannot be reached: (.*ECONNREFUSED|other side closed)/);
  await expect(openEndpoint(url, { ...options, mean: [1, 2, 3] })).rejects.toThrow("3 numbers as mean do not fit 2 channels");
});
