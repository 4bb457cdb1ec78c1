import { jsonBodyLimitBytes, parseJsonBody, requireJsonType } from "../../api/http/json-body.ts";
import { Failure } from "../../base/failure.ts";
import type { ApiRequest } from "./api-request.ts";
import type { BodyMemory } from "./body-memory.ts";

/**
 * Reads a request's JSON. Throws Failure("invalid") for other content, what is too large, and malformed JSON,
 * "unavailable" when too much is read at the same time.
 */
export async function readJsonBody(
  request: ApiRequest,
  memory: BodyMemory,
  onBytes?: (bytes: Uint8Array) => void,
): Promise<unknown> {
  const length = Number(request.header("content-length") ?? 0);
  if (length > jsonBodyLimitBytes) throw tooLarge();
  using share = memory.open();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bodyPieces(request)) {
    size += piece.length;
    if (size > jsonBodyLimitBytes) throw tooLarge();
    share.add(piece.length);
    pieces.push(piece);
  }
  requireJsonType(request.header("content-type"), { hasBody: size > 0 });
  const bytes = Buffer.concat(pieces);
  onBytes?.(bytes);
  return parseJsonBody(bytes);
}

/**
 * The body of a request as it comes, with back-pressure. Leaving it early drops the rest and, unlike the request's own
 * iterator, keeps the connection: the refusal has to go out on it. Throws Failure("canceled") when the client vanishes.
 */
export async function* bodyPieces(request: ApiRequest): AsyncGenerator<Uint8Array, void, undefined> {
  const queue: Uint8Array[] = [];
  let isOver = request.readableEnded;
  let isBroken = false;
  let wake: () => void = () => {};
  const onData = (piece: Uint8Array): void => {
    queue.push(piece);
    request.pause();
    wake();
  };
  const onEnd = (): void => {
    isOver = true;
    wake();
  };
  const onClose = (): void => {
    isBroken = !isOver;
    wake();
  };
  request.on("data", onData);
  request.on("end", onEnd);
  request.on("close", onClose);
  try {
    for (;;) {
      const piece = queue.shift();
      if (piece !== undefined) yield piece;
      else if (isOver) return;
      else if (isBroken) throw new Failure("canceled", "cannot read the request: the client went away");
      else {
        const changed = new Promise<void>((resolve) => {
          wake = resolve;
        });
        request.resume();
        await changed;
      }
    }
  } finally {
    request.off("data", onData);
    request.off("end", onEnd);
    request.off("close", onClose);
    request.resume();
  }
}

/** dockerode sends a body with requests that have none; the client's input comes after it. */
export async function dropBody(request: ApiRequest): Promise<void> {
  if (request.head.body.kind === "none") return;
  const pieces = bodyPieces(request);
  while ((await pieces.next()).done !== true);
}

/**
 * Runs what reads a body. A body that is damaged is the caller's mistake, unlike damaged content of our own: "invalid".
 */
export async function refusingBadBody<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind === "corrupt")
      throw new Failure("invalid", thrown.message, { cause: thrown, details: thrown.details });
    throw thrown;
  }
}

function tooLarge(): Failure {
  return new Failure("invalid", `cannot read the request: it is longer than ${jsonBodyLimitBytes} bytes`);
}
