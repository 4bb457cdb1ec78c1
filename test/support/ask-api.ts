import { type ClientRequest, request } from "node:http";
import { checkReply } from "./check-reply.ts";

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * One request to a daemon's socket, as it is: an object is sent as JSON, a text as what claims to be JSON, bytes as a
 * tar. A reply that differs from the API's reference fails the test.
 */
export function askApi(
  socketPath: string,
  method: string,
  path: string,
  body?: object | string | Uint8Array,
  { headers = {} }: AskOptions = {},
): Promise<ApiAnswer> {
  const isBytes = body instanceof Uint8Array;
  const bytes =
    body === undefined || isBytes
      ? body
      : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const sent = {
    "content-type": isBytes ? "application/x-tar" : "application/json",
    "content-length": bytes?.length ?? 0,
    ...headers,
  };
  const asking = request({ socketPath, method, path, headers: sent });
  asking.end(bytes);
  return answerOf(asking);
}

/** The whole reply to a request that the caller has sent; checked as of askApi(). */
export function answerOf(asking: ClientRequest): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    asking.on("response", (reply) => {
      const pieces: Buffer[] = [];
      reply.on("data", (piece: Buffer) => pieces.push(piece));
      reply.on("error", reject);
      reply.on("end", () => {
        const answer = { status: reply.statusCode ?? 0, text: Buffer.concat(pieces).toString() };
        try {
          checkReply({ method: asking.method, target: asking.path, ...answer });
          resolve(answer);
        } catch (thrown) {
          reject(thrown as Error);
        }
      });
    });
    asking.on("error", reject);
  });
}
