/** A small HTTP service for tests, which answers predictions as it is told. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Service {
  readonly url: string;
  /** Instances of every request so far. */
  readonly asked: number[][][];
  close(): Promise<void>;
}

/** `answer` makes the body (text, or an object to be written as JSON) of the nth request, or its status and body; undefined is never answered. */
export async function service(answer: (instances: number[][], n: number) => unknown): Promise<Service> {
  const asked: number[][][] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { instances } = JSON.parse(body);
    asked.push(instances);
    const given = answer(instances, asked.length - 1);
    if (given === undefined) return;
    const [status, content] = Array.isArray(given) ? given : [200, given];
    response.writeHead(status, { "content-type": "application/json" }).end(typeof content === "string" ? content : JSON.stringify(content));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/models/m:predict`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
