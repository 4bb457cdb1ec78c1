import { Failure } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import type { Call, Command } from "../command.ts";
import { objectFormat } from "../flags/filters.ts";
import { bool, string } from "../flags/kinds.ts";
import { platformFlag } from "../flags/platform.ts";
import { withGoTypes } from "../format/go-types.ts";
import { compileTemplate } from "../format/template.ts";
import { formatJson } from "../../spec/template/values.ts";

export interface ImageValues {
  readonly format: string;
}
interface ContainerValues extends ImageValues {
  readonly size: boolean;
}
interface PlatformValues extends ImageValues {
  readonly platform: string;
}
interface Values extends ContainerValues {
  readonly type: string;
}
type Find = (reference: string) => Promise<unknown>;

export const inspect: Command<Values> = {
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    format: objectFormat,
    size: bool("Display total file sizes if the type is container", { short: "s" }),
    type: string("Return JSON for specified type", { words: ["container", "image", "network", "volume"] }),
  },
  completes: ["object"],
  async run(call) {
    const { type, size } = call.values;
    if (!["", "container", "image", "network", "volume"].includes(type))
      throw new Failure("invalid", `unknown type: "${type}"`);
    const client = await call.client();
    return await inspectAll(call, async (reference) => {
      if (type === "container") return await client.containers.inspect(reference, { size });
      if (type === "image") return await client.images.inspect(reference);
      if (type === "network") return await client.networks.inspect(reference);
      if (type === "volume") return await client.volumes.inspect(reference);
      return await findAny(client, reference, size);
    });
  },
};

export const inspectContainers: Command<ContainerValues> = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: { format: objectFormat, size: bool("Display total file sizes", { short: "s" }) },
  completes: ["container"],
  async run(call) {
    const client = await call.client();
    const { size } = call.values;
    return await inspectAll(call, (reference) => client.containers.inspect(reference, { size }));
  },
};

export const inspectImages: Command<PlatformValues> = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    format: objectFormat,
    platform: platformFlag("Inspect a specific platform of the multi-platform image"),
  },
  completes: ["image"],
  async run(call) {
    const client = await call.client();
    const { platform } = call.values;
    const options = platform === "" ? {} : { platform };
    return await inspectAll(call, (reference) => client.images.inspect(reference, options));
  },
};

async function findAny(client: Client, reference: string, size: boolean): Promise<unknown> {
  const container = await client.containers.inspect(reference, { size }).catch(nothingThere);
  const image = container ?? (await client.images.inspect(reference).catch(nothingThere));
  const network = image ?? (await client.networks.inspect(reference).catch(nothingThere));
  const found = network ?? (await client.volumes.inspect(reference).catch(nothingThere));
  if (found !== undefined) return found;
  throw new Failure("not-found", `No such object: ${reference}`, { details: { fromDaemon: true } });
}

function nothingThere(thrown: unknown): undefined {
  if (thrown instanceof Failure && thrown.kind === "not-found") return undefined;
  throw thrown;
}

/** Prints all objects that are found, then names the missing ones; status 1 when one is missing. */
export async function inspectAll(call: Call<ImageValues>, find: Find): Promise<number> {
  const print = printer(call.values.format);
  const found: unknown[] = [];
  const problems: Failure[] = [];
  for (const reference of call.positional) {
    try {
      found.push(await find(reference));
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.details.fromDaemon !== true) throw thrown;
      problems.push(thrown);
    }
  }
  call.out(print(found));
  for (const { message } of problems) call.err(`tare: ${message}\n`);
  return problems.length === 0 ? 0 : 1;
}

/** Reads the format first, so that a wrong one is found before anything is asked. */
function printer(format: string): (found: readonly unknown[]) => string {
  if (format === "") return (found) => `${found.length === 0 ? "[]" : formatJson(found, { indent: 4 })}\n`;
  const template = compileTemplate(format === "json" ? "{{json .}}" : format);
  return (found) =>
    found.map((item) => `${template.render(withGoTypes(item), { missing: "error" })}\n`).join("");
}
