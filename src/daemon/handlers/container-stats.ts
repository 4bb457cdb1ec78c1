import { Failure } from "../../base/failure.ts";
import type { Call } from "../handler.ts";
import { adaptStats } from "../../api/http/version-compat.ts";
import { statsOf } from "../map/statistics.ts";

/** `GET /containers/{id}/stats`: one JSON a line, each second, or one alone. */
export async function streamStats({ engine, version, params, query, reply, signal }: Call): Promise<void> {
  const streams = query.boolean("stream");
  const atOnce = query.boolean("one-shot");
  if (streams && atOnce) {
    throw new Failure("invalid", "cannot have stream=true and one-shot=true");
  }
  const samples = streams ? "stream" : atOnce ? "at once" : "once";
  const found = engine.containers.stats(params["id"] ?? "", { samples, signal });
  const iterator = found[Symbol.asyncIterator]();
  // Failures come with the first one, and are a reply of their own.
  let item = await iterator.next();
  reply.begin("application/json");
  for (; item.done !== true; item = await iterator.next()) {
    await reply.write(`${JSON.stringify(adaptStats(statsOf(item.value), version))}\n`);
    if (signal.aborted) break;
  }
  await iterator.return?.();
  reply.end();
}
