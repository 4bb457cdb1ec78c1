import type { EventMessage } from "../../../api/types/event.ts";
import { formatUnixTime } from "../../../base/timestamp.ts";
import type { Client } from "../../../client/client.ts";

/** So many are printed; `inspect` has them all. */
const MOST_PRINTED = 10;

/** Whether the security options of a request ask for it. The last word counts. */
export function explainsDenials(options: readonly string[]): boolean {
  if (options.length === 0) return false;
  const last = options.findLast((text) => /^explain-denials(?:[=:]|$)/.test(text));
  return last !== undefined && !/[=:]false$/.test(last);
}

/** Prints the denied calls of a container, a line each. Its record may be gone already, but not the events. */
export async function listDenials(client: Client, id: string): Promise<readonly string[]> {
  const lines: string[] = [];
  const events = client.system.events({
    since: "1",
    until: formatUnixTime(BigInt(Date.now() + 1) * 1_000_000n),
    filters: { container: [id], event: ["denied"] },
  });
  for await (const event of events) lines.push(formatDenial(event));
  const more = lines.length - MOST_PRINTED;
  return more <= 0
    ? lines
    : [...lines.slice(0, MOST_PRINTED), `and ${more} more (tare events, tare inspect)`];
}

/** `denied: mount("x", …) by the default profile; allow with --cap-add SYS_ADMIN` */
export function formatDenial({ Actor }: Pick<EventMessage, "Actor">): string {
  const { call = "", text, by = "", advice = "" } = Actor.Attributes ?? {};
  const shown = text === undefined ? "…" : `${JSON.stringify(text)}, …`;
  return `denied: ${call}(${shown}) by ${by}; allow with ${advice}`;
}
