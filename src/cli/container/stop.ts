import type { Call, Command } from "../command.ts";
import { startRanks } from "./run/start-ranks.ts";
import { containersAtOnce, forEachReference } from "../each.ts";
import type { TableOf } from "../flags/flag.ts";
import { int, string } from "../flags/kinds.ts";

interface Values {
  readonly signal: string;
  readonly time: number | undefined;
}

const flags: TableOf<Values> = {
  signal: string("Signal to send to the container", { short: "s" }),
  time: int("Seconds to wait before killing the container", { short: "t", also: ["timeout"] }),
};

const common = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags,
} as const;

export const stop: Command<Values> = {
  ...common,
  completes: ["running"],
  examples: ["tare stop web", "tare stop -t 2 web db"],
  async run(call) {
    const client = await call.client();
    const work = async (reference: string): Promise<string> => {
      await client.containers.stop(reference, optionsOf(call));
      return reference;
    };
    return await forEachReference(call, work, { atOnce: containersAtOnce });
  },
};

export const restart: Command<Values> = {
  ...common,
  completes: ["container"],
  async run(call) {
    const client = await call.client();
    const work = async (reference: string): Promise<string> => {
      await client.containers.restart(reference, optionsOf(call));
      return reference;
    };
    const ranks = await startRanks(client, call.positional);
    return await forEachReference(call, work, { atOnce: containersAtOnce, ranks });
  },
};

function optionsOf({ values }: Call<Values>): {
  readonly signal?: string | undefined;
  readonly graceSeconds?: number | undefined;
} {
  return {
    signal: values.signal || undefined,
    graceSeconds: values.time,
  };
}
