import { pick } from "../../base/keys.ts";
import type { HostConfig } from "../../api/types/host-config.ts";
import type { Call, Command } from "../command.ts";
import { containersAtOnce, forEachReference } from "../each.ts";
import { optionFailure } from "../flags/flag.ts";
import { type ContainerValues, containerFlags } from "./flags/container-flags.ts";
import { type FieldTable, parseFields } from "./flags/request-fields.ts";
import { joinPublished } from "../../api/container/publish-flag.ts";
import { parsePublish } from "./flags/parsers/publish.ts";
import { list } from "../flags/kinds.ts";

const sharedNames = [
  "blkio-weight",
  "cpu-period",
  "cpu-quota",
  "cpu-rt-period",
  "cpu-rt-runtime",
  "cpu-shares",
  "cpus",
  "cpuset-cpus",
  "cpuset-mems",
  "memory",
  "memory-reservation",
  "memory-swap",
  "pids-limit",
  "restart",
] as const;
type Shared = Pick<ContainerValues, (typeof sharedNames)[number]>;
interface Values extends Shared {
  readonly "publish-add": readonly string[];
  readonly "publish-rm": readonly string[];
}

const allShared: FieldTable<Shared> = containerFlags;
const sharedFlags: FieldTable<Shared> = pick(allShared, sharedNames);
const { initialText: _, ...restart } = sharedFlags.restart;

export const update: Command<Values> = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    ...sharedFlags,
    restart,
    "publish-add": list("Publish additional ports of the container (not in Docker)"),
    "publish-rm": list("Stop publishing a port of the host ([IP:]PORT[-PORT][/PROTOCOL]) (not in Docker)"),
  },
  completes: ["container"],
  examples: [
    "tare update -m 256m --memory-swap 512m web",
    "tare update --cpus 1.5 --pids-limit 200 web",
    "tare update --publish-add 8080:80 --publish-rm 8081 web",
  ],
  async run(call) {
    if (call.given.size === 0) {
      throw optionFailure("you must provide one or more flags when using this command");
    }
    const resources = toResources(call);
    const client = await call.client();
    const warnings = new Map<string, readonly string[]>();
    const work = async (reference: string): Promise<string> => {
      const { Warnings } = await client.containers.update(reference, resources);
      warnings.set(reference, Warnings ?? []);
      return reference;
    };
    // One after the other where containers may want the same port: the first named one gets it.
    const atOnce = resources.Tare === undefined ? containersAtOnce : 1;
    const status = await forEachReference(call, work, { atOnce });
    for (const reference of call.positional) {
      for (const warning of warnings.get(reference) ?? []) call.err(`${warning}\n`);
    }
    return status;
  },
};

function toPorts({ "publish-add": add, "publish-rm": remove }: Values): HostConfig["Tare"] | undefined {
  if (add.length + remove.length === 0) return undefined;
  const { bindings } = joinPublished(add.map(parsePublish));
  return {
    PublishAdd: add.length === 0 ? undefined : bindings,
    PublishRemove: remove.length === 0 ? undefined : remove,
  };
}

function toResources({ values, given, context }: Call<Values>): HostConfig {
  const tare = toPorts(values);
  const { hostConfig } = parseFields<Shared>(sharedFlags, values, { given, ...context });
  return tare === undefined ? hostConfig : { ...hostConfig, Tare: tare };
}
