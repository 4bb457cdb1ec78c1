import { request } from "node:http";

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** One request to a daemon's socket, as it is: an object is sent as JSON, bytes as a tar. */
export function askApi(
  socketPath: string,
  method: string,
  path: string,
  body?: object | Uint8Array,
): Promise<ApiAnswer> {
  const isBytes = body instanceof Uint8Array;
  const bytes = body === undefined || isBytes ? body : Buffer.from(JSON.stringify(body));
  const headers = {
    "content-type": isBytes ? "application/x-tar" : "application/json",
    "content-length": bytes?.length ?? 0,
  };
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method, path, headers }, (reply) => {
      const pieces: Buffer[] = [];
      reply.on("data", (piece: Buffer) => pieces.push(piece));
      reply.on("end", () => {
        resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(pieces).toString() });
      });
    });
    asking.on("error", reject);
    asking.end(bytes);
  });
}
