import { quoteControls } from "../../base/quote-controls.ts";
import type { Filters } from "../../api/http/filters.ts";
import type { EventMessage } from "../../api/types/event.ts";
import { formatUnixTime, parseTimestamp } from "../../base/timestamp.ts";
import type { Command } from "../command.ts";
import { filterFlag, longObjectFormat } from "../flags/filters.ts";
import { string } from "../flags/kinds.ts";
import { compileTemplate } from "../format/template.ts";
import { formatLocalRfc3339 } from "../format/text.ts";

interface Values {
  readonly filter: Filters;
  readonly format: string;
  readonly since: string;
  readonly until: string;
}

export const events: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    filter: filterFlag,
    format: longObjectFormat,
    since: string("Show all events created since timestamp"),
    until: string("Stream events until this timestamp"),
  },
  examples: ["tare events --filter container=web", "tare events --since 10m --until 0s --format json"],
  async run(call) {
    const { values, signal } = call;
    const print = printer(values.format);
    const client = await call.client();
    const stream = client.system.events({
      since: values.since === "" ? undefined : formatUnixTime(parseTimestamp(values.since)),
      until: values.until === "" ? undefined : formatUnixTime(parseTimestamp(values.until)),
      filters: values.filter,
      signal,
    });
    for await (const event of stream) {
      if (signal.aborted) break;
      call.out(`${print(event)}\n`);
    }
    return 0;
  },
};

function printer(format: string): (event: EventMessage) => string {
  if (format === "") return (event) => quoteControls(formatEvent(event));
  const template = compileTemplate(format === "json" ? "{{json .}}" : format);
  return (event) => template.render(event, { rowName: "event" });
}

/** `2026-11-23T10:00:00.000000000Z container start ID (image=busybox, name=web)`. */
export function formatEvent({ Type, Action, Actor, timeNano }: EventMessage): string {
  const attributes = Actor.Attributes ?? {};
  const names = Object.keys(attributes).sort();
  const shown = names.map((name) => `${name}=${attributes[name]}`).join(", ");
  const line = `${formatLocalRfc3339(BigInt(timeNano))} ${Type} ${Action} ${Actor.ID}`;
  return names.length === 0 ? line : `${line} (${shown})`;
}
