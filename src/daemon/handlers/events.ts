import type { ApiVersion } from "../../api/http/version.ts";
import { Failure } from "../../base/failure.ts";
import { parseTimestamp } from "../../base/timestamp.ts";
import type { Call, Handlers } from "../handler.ts";
import { eventLine } from "../map/event.ts";

export const handlers: Handlers = {
  "events.stream": async ({ engine, version, query, request, reply, signal }: Call) => {
    const { since, until } = timesOf(query.text("since"), query.text("until"));
    const events = engine.events({
      filters: query.filters(),
      signal,
      sinceMs: since,
      untilMs: until,
    });
    // The head goes out before the first event: clients take it as "listening now".
    const iterator = events[Symbol.asyncIterator]();
    let next = iterator.next();
    next.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    const type = eventsType(request.header("accept"), version);
    reply.begin(type);
    const mark = type === sequenceType ? "\u001e" : "";
    for (let item = await next; item.done !== true; item = await next) {
      const line = eventLine(item.value, version);
      if (line !== undefined) await reply.write(mark + line);
      if (signal.aborted) break;
      next = iterator.next();
    }
    await iterator.return?.();
    reply.end();
  },
};

const sequenceType = "application/json-seq";
const streamTypes: readonly string[] = ["application/jsonl", "application/x-ndjson", sequenceType];

/** The form that the client asks for by name, the one of the highest quality; else that of the version. */
function eventsType(accept: string | undefined, version: ApiVersion): string {
  let best = version < 1052 ? "application/json" : "application/jsonl";
  let bestQuality = 0;
  for (const wish of (accept ?? "").split(",")) {
    const [name = "", ...parameters] = wish.split(";").map((part) => part.trim());
    const quality = Number(/^q=([\d.]+)$/.exec(parameters.at(-1) ?? "")?.[1] ?? 1);
    if (streamTypes.includes(name.toLowerCase()) && quality > bestQuality) {
      best = name.toLowerCase();
      bestQuality = quality;
    }
  }
  return best;
}

/**
 * Milliseconds since 1970. SPEC: dockerd treats `since=0` as all recorded events, and `until=0` as the end of those.
 */
function timesOf(
  since: string | undefined,
  until: string | undefined,
): { readonly since?: number | undefined; readonly until?: number | undefined } {
  const times = { since: timeMs(since), until: timeMs(until) };
  if (until === "0") return { ...times, until: Date.now() };
  if (times.since !== undefined && times.until !== undefined && times.until < times.since) {
    const word = (text = ""): string => text.slice(0, 100);
    throw new Failure(
      "invalid",
      `\`since\` time (${word(since)}) cannot be after \`until\` time (${word(until)})`,
    );
  }
  return times;
}

/** Nanoseconds since 1970 of a time in a query: whole seconds, fractions, RFC 3339 or a duration back. */
export function timeNs(text: string | undefined): bigint | undefined {
  return text === undefined || text === "0" ? undefined : parseTimestamp(text);
}

function timeMs(text: string | undefined): number | undefined {
  const ns = text === "0" ? 0n : timeNs(text);
  return ns === undefined ? undefined : Number(ns / 1000n) / 1000;
}
