import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { formatWarnings } from "../../api/container/run-messages.ts";
import { kindOf } from "../../base/failure.ts";
import { pick } from "../../base/keys.ts";
import type { Client } from "../../client/client.ts";
import type { Manifest } from "../../spec/kube/manifest.ts";
import type { Call, Command } from "../command.ts";
import { containerFlags, type ContainerValues } from "../container/flags/container-flags.ts";
import { parseLogConfig } from "../container/flags/lifecycle-flags.ts";
import { bool, list, string } from "../flags/kinds.ts";
import { splitLabel } from "../flags/label.ts";
import { authfileFlag, tlsVerifyFlag } from "../flags/registry-access.ts";
import { toPodWishes } from "../pod/pod-options.ts";
import { pullImage, type RegistryAccess } from "../registry/pull-image.ts";
import { checkUser, type ContainerPlan } from "./plan-container.ts";
import type { Sources } from "./plan-environment.ts";
import { planPod, type PlayWishes, type PodPlan } from "./plan-pod.ts";
import { findSecrets, makeVolume, removePod, storeConfig } from "./made-objects.ts";
import { readManifest, withFile } from "./read-manifest.ts";

type Shared = Pick<
  ContainerValues,
  "ip" | "ip6" | "log-driver" | "log-opt" | "mac-address" | "network" | "no-hosts" | "publish" | "userns"
>;

const sharedNames: readonly (keyof Shared)[] = [
  "ip",
  "ip6",
  "log-driver",
  "log-opt",
  "mac-address",
  "network",
  "no-hosts",
  "publish",
  "userns",
];

interface Own extends RegistryAccess {
  readonly annotation: readonly string[];
  readonly configmap: readonly string[];
  readonly "publish-all": boolean;
  readonly quiet: boolean;
  readonly replace: boolean;
  readonly "seccomp-profile-root": string;
  readonly start: boolean;
}
type Values = Shared & Own;

export const kubePlay: Command<Values> = {
  usage: "[OPTIONS] FILE|-",
  takes: [1, 1],
  flags: {
    ...pick(containerFlags, sharedNames),
    annotation: list("Add annotations to the pods (key=value)"),
    authfile: authfileFlag,
    configmap: list("Read ConfigMaps from further files", { isFile: true }),
    "publish-all": bool("Publish the ports of containers that name no port of the host, too"),
    quiet: bool("Do not show the progress of pulls", { short: "q" }),
    replace: bool("Remove the pods of the file that are there, and make them again"),
    "seccomp-profile-root": string("Directory of the file's seccomp profiles", {
      initial: "/var/lib/kubelet/seccomp",
      isFile: true,
    }),
    start: bool("Start the pods", { initial: true }),
    "tls-verify": tlsVerifyFlag,
  },
  completes: ["file"],
  description: `Makes the pods, volumes and secrets of a file of Kubernetes: Pod, Deployment, DaemonSet, ReplicaSet, StatefulSet,
Job, ConfigMap, Secret, PersistentVolumeClaim. What needs a cluster is ignored with a warning.`,
  examples: [
    "tare kube play web.yaml",
    "tare kube play --replace --publish 8080:80 web.yaml",
    "cat web.yaml | tare kube play --configmap settings.yaml -",
  ],
  async run(call) {
    const { values, positional, context } = call;
    const [file = ""] = positional;
    const manifest = await readManifest(file, context);
    const maps = [...manifest.configMaps];
    for (const other of values.configmap) maps.push(...(await readManifest(other, context)).configMaps);
    const client = await call.client();
    const secrets = await findSecrets(client);
    for (const { name, entries } of manifest.secrets) secrets.set(name, filledKeys(entries));
    const sources: Sources = {
      configMaps: new Map(maps.map(({ name, entries }) => [name, entries])),
      secrets,
    };
    const plans = planAll(call, file, manifest, sources);
    for (const warning of [...manifest.warnings, ...plans.flatMap((plan) => plan.warnings)])
      call.err(`WARNING: ${warning}\n`);
    for (const secret of manifest.secrets) await storeConfig(client, "secret", secret);
    for (const map of maps)
      if (plans.some((plan) => usesFilesOf(plan, map.name))) await storeConfig(client, "configmap", map);
    const volumes: string[] = [];
    for (const { name, labels, driver, options } of manifest.claims)
      volumes.push(
        await makeVolume(client, { Name: name, Labels: labels, Driver: driver, DriverOpts: options }),
      );
    if (volumes.length > 0) call.out(`Volumes:\n${volumes.join("\n")}\n\n`);
    for (const plan of plans) await playPod(call, client, plan);
    return 0;
  },
};

function filledKeys(entries: ReadonlyMap<string, Uint8Array>): readonly string[] {
  return [...entries].flatMap(([key, value]) => (value.length === 0 ? [] : [key]));
}

function usesFilesOf({ containers }: PodPlan, map: string): boolean {
  const used = containers.flatMap(({ request }) => request.HostConfig?.Tare?.Secrets ?? []);
  return used.some(({ Source = "" }) => Source.startsWith(`configmap.${map}.`));
}

/** Before anything is made: a file that is wrong changes nothing. */
function planAll(call: Call<Values>, file: string, manifest: Manifest, sources: Sources): readonly PodPlan[] {
  const { values, context } = call;
  const wishes: PlayWishes = {
    pod: toPodWishes({
      ...values,
      "add-host": [],
      dns: [],
      "dns-option": [],
      "dns-search": [],
      expose: [],
      hostname: "",
      link: [],
      "link-local-ip": [],
      "network-alias": [],
      "publish-all": false,
      gidmap: [],
      subgidname: "",
      subuidname: "",
      uidmap: [],
    }),
    annotations: Object.fromEntries(values.annotation.map(splitLabel)),
    publishAll: values["publish-all"],
    logConfig: parseLogConfig(values).LogConfig,
    seccompRoot: resolve(context.cwd, values["seccomp-profile-root"]),
    readFile: (path) => readFileSync(path, "utf8"),
  };
  try {
    return manifest.pods.map((pod) => planPod(pod, sources, wishes));
  } catch (thrown) {
    throw withFile(file, thrown);
  }
}

/** Makes one pod and prints what it is; a failure leaves nothing of it. */
async function playPod(call: Call<Values>, client: Client, plan: PodPlan): Promise<void> {
  const { values } = call;
  for (const container of plan.containers) await prepareImage(call, client, container);
  if (values.replace) await removePod(client, plan.pod.Name);
  const { Id: id, Warnings: warnings } = await client.pods.create(plan.pod);
  const containers: string[] = [];
  try {
    for (const volume of plan.volumes) await makeVolume(client, volume);
    for (const { name, request } of plan.containers) {
      const made = await client.containers.create(request, { name });
      containers.push(made.Id);
      const more = made.Warnings ?? [];
      if (more.length > 0) call.err(formatWarnings(more));
    }
    if (warnings.length > 0) call.err(formatWarnings(warnings));
    if (values.start) await client.pods.act(id, "start");
  } catch (thrown) {
    await removePod(client, plan.pod.Name).catch(() => undefined);
    throw thrown;
  }
  const title = containers.length === 1 ? "Container" : "Containers";
  call.out(`Pod:\n${id}\n${title}:\n${containers.join("\n")}\n\n`);
}

async function prepareImage(call: Call<Values>, client: Client, container: ContainerPlan): Promise<void> {
  const { image, pull, refusesRoot } = container;
  const { quiet, ...access } = call.values;
  const fetch = async (): Promise<void> =>
    await pullImage(call, image, {
      platform: "",
      isQuiet: quiet,
      out: call.context.stderr,
      decryptionKeys: [],
      access,
    });
  if (pull === "always") await fetch();
  const inspect = async (): Promise<string> => (await client.images.inspect(image)).Config?.User ?? "";
  const user = await inspect().catch(async (thrown: unknown) => {
    if (pull === "never" || kindOf(thrown) !== "not-found") throw thrown;
    await fetch();
    return await inspect();
  });
  if (refusesRoot) checkUser(container, user);
}
