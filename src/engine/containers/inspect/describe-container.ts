import { defined } from "../../../base/defined.ts";
import { join } from "node:path";
import { resolveCommand } from "../../resolve/command.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerDetails, ContainerSummary } from "../../../model/containers.ts";
import { cgroupPathOf, type ContainerContext } from "../../context.ts";
import { boundPortsOf, describeEndpoints } from "../../networks/describe-network.ts";
import { exposedPortsOf } from "../../networks/exposed-ports.ts";
import { findNetworkOwner } from "../../network-owner.ts";
import { describeLinks, linkNamesOf } from "../../link-records.ts";
import { planRecord } from "../../plan-record.ts";
import { membershipOf } from "../../find-pod.ts";
import { logAttributesOf } from "../streams/log-forwarding.ts";
import { describeTracedCalls } from "../resources/traced-calls.ts";
import { parseVolumeName } from "../../../model/ids.ts";

/** The row of `ps`. */
export function summarize(context: ContainerContext, record: ContainerRecord): ContainerSummary {
  const { spec, imageConfig } = record;
  const network = spec.isolation?.namespaces?.network ?? spec.network?.networks?.[0]?.network ?? "bridge";
  const pod = membershipOf(context.state, record);
  const isStillNamed = context.state.findImage(record.imageId) !== undefined;
  return defined({
    id: record.id,
    name: record.name,
    linkNames: linkNamesOf(context.state, record),
    image: isStillNamed ? record.image : record.imageId,
    imageId: record.imageId,
    command: resolveCommand(spec, imageConfig.defaults),
    createdAt: record.createdAt,
    state: record.state,
    health: record.health,
    labels: { ...imageConfig.defaults.labels, ...spec.labels },
    networkMode: typeof network === "object" ? `container:${network.container}` : network,
    endpoints: describeEndpoints(context, record),
    ports: boundPortsOf(record),
    exposedPorts: exposedPortsOf(spec, imageConfig.defaults.exposedPorts),
    mounts: (spec.storage?.mounts ?? []).map((mount) =>
      mount.kind === "volume" && mount.name !== undefined
        ? { ...mount, mountpoint: context.volumes.store.dataPath(parseVolumeName(mount.name)) }
        : mount,
    ),
    pod,
  });
}

/** The details for `inspect`. */
export async function describeContainer(
  context: ContainerContext,
  record: ContainerRecord,
): Promise<ContainerDetails> {
  const { paths, dependencies } = context;
  const { id, spec, imageConfig } = record;
  const owner = findNetworkOwner(context, record)?.id ?? id;
  const plan = planRecord(context, record);
  const [path = "", ...args] = plan.args;
  const data = await dependencies.storage.describe({ snapshot: id }).catch(() => ({}));
  return {
    ...summarize(context, record),
    spec,
    links: describeLinks(context.state, record),
    restartCount: record.restartCount,
    process: {
      path,
      args,
      env: plan.ownEnv,
      workingDirectory: plan.workingDirectory,
      user: plan.user,
    },
    imageConfig,
    effective: {
      hostname: plan.hostname,
      domainname: plan.domainname,
      capabilities: plan.capabilities,
      maskedPaths: plan.maskedPaths,
      readonlyPaths: plan.readonlyPaths,
      stopSignal: plan.stopSignal,
      cgroup: cgroupPathOf(context, id),
      appArmorProfile: plan.appArmorProfile,
      idMaps: record.idMaps,
    },
    files: {
      log: record.spec.storage?.log === "none" ? "" : join(paths.log(id), "log.0"),
      hosts: paths.file(owner, "hosts"),
      hostname: paths.file(owner, "hostname"),
      resolvConf: paths.file(owner, "resolv.conf"),
    },
    storage: { driver: dependencies.storage.name, data },
    logForwarding: await context.logForwarding.describe(record),
    logAttributes: logAttributesOf(context, record),
    execIds: context.execs
      .ofContainer(id)
      .filter((session) => session.state.status === "running")
      .map((session) => session.id),
    ...describeTracedCalls(context, record),
    lastTiming: record.lastTiming,
  };
}
