import { pick } from "../../base/keys.ts";
import { mergeDefined } from "../../base/defined.ts";
import { formatWarnings } from "../../api/container/run-messages.ts";
import type { PodCreateRequest } from "../../api/types/pod.ts";
import { kindOf } from "../../base/failure.ts";
import type { Call, Command } from "../command.ts";
import { containerFlags } from "../container/flags/container-flags.ts";
import { openIdFile } from "../container/run/id-file.ts";
import { parseLabels } from "../container/flags/lifecycle-flags.ts";
import { type FieldTable, parseFields } from "../container/flags/request-fields.ts";
import type { ContainerValues } from "../container/flags/container-flags.ts";
import { laterFailure, optionFailure } from "../flags/flag.ts";
import { bool, string } from "../flags/kinds.ts";
import { toPodWishes } from "./pod-options.ts";

type Shared = Pick<
  ContainerValues,
  | "add-host"
  | "blkio-weight"
  | "blkio-weight-device"
  | "cpu-shares"
  | "cpus"
  | "cpuset-cpus"
  | "cpuset-mems"
  | "device-read-bps"
  | "device-write-bps"
  | "dns"
  | "dns-option"
  | "dns-search"
  | "gidmap"
  | "hostname"
  | "ip"
  | "ip6"
  | "label"
  | "label-file"
  | "mac-address"
  | "memory"
  | "memory-swap"
  | "network"
  | "network-alias"
  | "no-hosts"
  | "publish"
  | "restart"
  | "shm-size"
  | "subgidname"
  | "subuidname"
  | "sysctl"
  | "uidmap"
  | "userns"
>;

/** Flags that a container has, too: those about namespaces and limits that the containers of a pod share. */
const sharedNames: readonly (keyof Shared)[] = [
  "add-host",
  "blkio-weight",
  "blkio-weight-device",
  "cpu-shares",
  "cpus",
  "cpuset-cpus",
  "cpuset-mems",
  "device-read-bps",
  "device-write-bps",
  "dns",
  "dns-option",
  "dns-search",
  "gidmap",
  "hostname",
  "ip",
  "ip6",
  "label",
  "label-file",
  "mac-address",
  "memory",
  "memory-swap",
  "network",
  "network-alias",
  "no-hosts",
  "publish",
  "restart",
  "shm-size",
  "subgidname",
  "subuidname",
  "sysctl",
  "uidmap",
  "userns",
];

interface Own {
  readonly infra: boolean;
  readonly "infra-name": string;
  readonly name: string;
  readonly "pod-id-file": string;
  readonly replace: boolean;
  readonly share: string;
}
type Values = Shared & Own;

const sharedFlags: FieldTable<Shared> = pick(containerFlags, sharedNames);

const defaultShare = "ipc,net,uts";

export const podCreate: Command<Values> = {
  usage: "[OPTIONS] [NAME]",
  takes: [0, 1],
  flags: {
    ...sharedFlags,
    hostname: string("Host name of the pod's containers (default the pod's name)", { short: "h" }),
    infra: bool("Create an infra container that holds the pod's namespaces", { initial: true }),
    "infra-name": string("Name of the infra container"),
    label: { ...sharedFlags.label, usage: "Set metadata on the pod" },
    name: string("Name of the pod", { short: "n" }),
    "pod-id-file": string("Write the pod ID to the file", { isFile: true }),
    replace: bool("Remove an existing pod with the same name by force"),
    share: string(
      `Namespaces that the pod's containers share: ipc, net, pid, uts, or "none"; +pid adds one`,
      {
        initial: defaultShare,
        words: ["none", "net", "+pid"],
      },
    ),
  },
  completes: ["none"],
  examples: [
    "tare pod create --name web --publish 8080:80",
    "tare pod create --name small --memory 512m --cpus 1.5",
    "tare pod create --name tools --share +pid --network backend --hostname tools",
    "tare run -d --pod web nginx && tare run --rm --pod web busybox wget -qO- localhost",
  ],
  async run(call) {
    const { values, positional, context } = call;
    const name = chooseName(values.name, positional[0]);
    if (!values.infra) {
      throw laterFailure("--infra=false (--share none makes a pod whose containers share nothing)");
    }
    const request = toRequest(call, name);
    using idFile = openIdFile(values["pod-id-file"], { what: "pod", cwd: context.cwd });
    const client = await call.client();
    if (values.replace) {
      if (name === "") throw optionFailure("cannot replace a pod without --name being set");
      await client.pods.remove(name, { force: true }).catch((thrown: unknown) => {
        if (kindOf(thrown) !== "not-found") throw thrown;
      });
    }
    const { Id: id, Warnings: warnings } = await client.pods.create(request);
    if (warnings.length > 0) call.err(formatWarnings(warnings));
    idFile.write(id);
    call.out(`${id}\n`);
    return 0;
  },
};

function chooseName(flag: string, word = ""): string {
  if (flag !== "" && word !== "" && flag !== word)
    throw optionFailure("conflicting pod names: --name and NAME");
  return flag || word;
}

function toRequest({ values, given, context }: Call<Values>, name: string): PodCreateRequest {
  const wishes = toPodWishes({
    ...values,
    expose: [],
    link: [],
    "link-local-ip": [],
    "publish-all": false,
  });
  return {
    ...wishes,
    Name: name || undefined,
    InfraName: values["infra-name"] || undefined,
    Labels: parseLabels(values, context.cwd),
    Share: parseShare(values.share),
    HostConfig: mergeDefined(
      wishes.HostConfig ?? {},
      parseFields<Shared>(sharedFlags, values, { given, ...context }).hostConfig,
    ),
  };
}

/** `net,ipc`, `none`, or `+pid`: what is shared by default, and that. */
function parseShare(text: string): readonly string[] {
  const isMore = text.startsWith("+");
  const words = (isMore ? text.slice(1) : text).split(",").filter((word) => word !== "" && word !== "none");
  if (words.includes("cgroup")) throw laterFailure("--share cgroup (each container has a cgroup of its own)");
  const wrong = words.find((word) => !["ipc", "net", "pid", "uts"].includes(word));
  if (wrong !== undefined) {
    throw optionFailure(`--share: invalid kernel namespace "${wrong}": want ipc, net, pid, uts or none`);
  }
  return isMore ? [...defaultShare.split(","), ...words] : words;
}
