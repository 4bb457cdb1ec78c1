import type { HostConfig } from "../../api/types/host-config.ts";
import type { Command } from "../command.ts";
import { containersAtOnce, forEachReference } from "../each.ts";
import { optionFailure } from "../flags/flag.ts";
import { parseRestartPolicy } from "./flags/restart-policy.ts";
import { joinPublished } from "../../api/container/publish-flag.ts";
import { parsePublish } from "./flags/publish-flag.ts";
import { bytes, int, list, nanoCpus, string } from "../flags/kinds.ts";

interface Values {
  readonly "blkio-weight": number | undefined;
  readonly "cpu-period": number | undefined;
  readonly "cpu-quota": number | undefined;
  readonly "cpu-rt-period": number | undefined;
  readonly "cpu-rt-runtime": number | undefined;
  readonly "cpu-shares": number | undefined;
  readonly cpus: number | undefined;
  readonly "cpuset-cpus": string;
  readonly "cpuset-mems": string;
  readonly memory: number | undefined;
  readonly "memory-reservation": number | undefined;
  readonly "memory-swap": number | undefined;
  readonly "pids-limit": number | undefined;
  readonly "publish-add": readonly string[];
  readonly "publish-rm": readonly string[];
  readonly restart: string;
}

export const update: Command<Values> = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    "blkio-weight": int("Block IO (relative weight), between 10 and 1000, or 0 to disable", {
      type: "uint16",
      initialText: "0",
    }),
    "cpu-period": int("Limit CPU CFS (Completely Fair Scheduler) period"),
    "cpu-quota": int("Limit CPU CFS (Completely Fair Scheduler) quota"),
    "cpu-rt-period": int("Limit the CPU real-time period in microseconds"),
    "cpu-rt-runtime": int("Limit the CPU real-time runtime in microseconds"),
    "cpu-shares": int("CPU shares (relative weight)", { short: "c" }),
    cpus: nanoCpus("Number of CPUs"),
    "cpuset-cpus": string("CPUs in which to allow execution (0-3, 0,1)"),
    "cpuset-mems": string("MEMs in which to allow execution (0-3, 0,1)"),
    memory: bytes("Memory limit", { short: "m" }),
    "memory-reservation": bytes("Memory soft limit"),
    "memory-swap": bytes("Swap limit equal to memory plus swap: -1 to enable unlimited swap", {
      unlimited: true,
    }),
    "pids-limit": int("Tune container pids limit (set -1 for unlimited)"),
    "publish-add": list("Publish more of the container's ports (Tare's own)"),
    "publish-rm": list("Publish a port of the host's no more ([IP:]PORT[-PORT][/PROTOCOL]) (Tare's own)"),
    restart: string("Restart policy to apply when a container exits", {
      words: ["no", "always", "on-failure", "unless-stopped"],
    }),
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
    const resources = planResources(call.values);
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

function planPorts({ "publish-add": add, "publish-rm": remove }: Values): HostConfig["Tare"] | undefined {
  if (add.length + remove.length === 0) return undefined;
  const { bindings } = joinPublished(add.map(parsePublish));
  return {
    ...(add.length === 0 ? {} : { PublishAdd: bindings }),
    ...(remove.length === 0 ? {} : { PublishRemove: remove }),
  };
}

function planResources(values: Values): HostConfig {
  const fields = {
    CpuPeriod: values["cpu-period"],
    CpuQuota: values["cpu-quota"],
    CpuShares: values["cpu-shares"],
    NanoCpus: values.cpus,
    CpusetCpus: values["cpuset-cpus"] === "" ? undefined : values["cpuset-cpus"],
    CpusetMems: values["cpuset-mems"] === "" ? undefined : values["cpuset-mems"],
    Memory: values.memory,
    MemoryReservation: values["memory-reservation"],
    MemorySwap: values["memory-swap"],
    PidsLimit: values["pids-limit"],
    BlkioWeight: values["blkio-weight"],
    CpuRealtimePeriod: values["cpu-rt-period"],
    CpuRealtimeRuntime: values["cpu-rt-runtime"],
    RestartPolicy: values.restart === "" ? undefined : parseRestartPolicy(values.restart),
    Tare: planPorts(values),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
