import { Failure, kindOf } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import type { Command } from "../command.ts";
import { forEachReference } from "../each.ts";
import { bool } from "../flags/kinds.ts";

interface Values {
  readonly all: boolean;
  readonly ignore: boolean;
}

async function thoseThere(client: Client, names: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of names) {
    try {
      await client.secrets.inspect(name);
      found.push(name);
    } catch (thrown) {
      if (kindOf(thrown) !== "not-found") throw thrown;
    }
  }
  return found;
}

export const secretRm: Command<Values> = {
  usage: "[OPTIONS] SECRET [SECRET...]",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {
    all: bool("Remove all secrets", { short: "a" }),
    ignore: bool("Ignore errors when a specified secret is missing", { short: "i" }),
  },
  completes: ["secret"],
  description: "Containers that have a secret keep its value until they are removed.",
  examples: ["tare secret rm password", "tare secret rm --all"],
  async run(call) {
    const { all, ignore } = call.values;
    if (!all && call.positional.length === 0)
      throw new Failure("invalid", "`tare secret rm` requires one argument, or the --all flag");
    if (all && call.positional.length > 0)
      throw new Failure("invalid", "`tare secret rm` takes no secrets together with the --all flag");
    const client = await call.client();
    const names = all ? (await client.secrets.list()).map(({ ID }) => ID) : call.positional;
    const positional = ignore ? await thoseThere(client, names) : names;
    return await forEachReference({ ...call, positional }, (name) => client.secrets.remove(name));
  },
};
