import { Failure } from "../../../base/failure.ts";
import { parsePortRange, type PortRange } from "../../../spec/port-range.ts";
import { findImage } from "../../images/find-image.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerFilter, ContainerSummary } from "../../../model/containers.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { summarize } from "./describe-container.ts";
import { getContainer } from "../../find-container.ts";
import { boundPortsOf } from "../../networks/describe-network.ts";
import { exposedPortsOf } from "../../networks/exposed-ports.ts";
import { membershipOf } from "../../find-pod.ts";
import { type Realm, realmOf } from "../../realm.ts";
import { hasLabel } from "../../labels.ts";

type Filter = (record: ContainerRecord, values: readonly string[], context: ContainerContext) => boolean;

const statuses = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];

/** Values of one key are alternatives (but labels: all of them). */
const filters: Readonly<Record<string, Filter>> = {
  id: ({ id }, values) => values.some((value) => id.startsWith(value)),
  name: ({ name }, values) =>
    values.some((value) => namePattern(value).test(`/${name}`) || namePattern(value).test(name)),
  label: ({ imageConfig, spec }, values) =>
    values.every((value) => hasLabel({ ...imageConfig.defaults.labels, ...spec.labels }, value)),
  status: ({ state }, values) => values.some((value) => state.status === checkStatus(value)),
  exited: ({ state }, values) =>
    values.some(
      (value) => state.status === "exited" && state.startedAt !== undefined && state.code === Number(value),
    ),
  ancestor: (record, values, context) =>
    values.some((value) => {
      if (record.image === value) return true;
      const image = findImage(context.state, value)?.record;
      return image !== undefined && (image.id === record.imageId || isBuiltOn(record, image.config.diffIds));
    }),
  before: (record, values, context) =>
    values.some((value) => record.createdAt < getContainer(context.state, value).createdAt),
  since: (record, values, context) =>
    values.some((value) => record.createdAt > getContainer(context.state, value).createdAt),
  volume: ({ spec }, values) =>
    values.some((value) =>
      (spec.storage?.mounts ?? []).some(
        (mount) =>
          mount.target === value ||
          (mount.kind === "bind" && mount.source === value) ||
          (mount.kind === "volume" && mount.name === value),
      ),
    ),
  network: (record, values, context) =>
    values.some((value) => {
      const { endpoints = [] } = record;
      if (endpoints.some(({ networkName }) => networkName === value)) return true;
      if (value.length >= 4 && endpoints.some(({ networkId }) => networkId.startsWith(value))) return true;
      return (
        record.spec.isolation?.namespaces?.network !== undefined &&
        summarize(context, record).networkMode === value
      );
    }),
  pod: (record, values, context) =>
    values.some((value) => {
      const pod = membershipOf(context.state, record);
      return pod !== undefined && (pod.name === value || (value !== "" && pod.id.startsWith(value)));
    }),
  health: ({ health }, values) => values.includes(health?.status ?? "none"),
  publish: (record, values) =>
    values.some((value) => {
      const run = requireRun("publish", value);
      return boundPortsOf(record).some(
        ({ protocol, hostPort, count }) =>
          protocol === run.protocol && hostPort <= run.last && hostPort + count > run.first,
      );
    }),
  expose: ({ spec, imageConfig }, values) =>
    values.some((value) => {
      const run = requireRun("expose", value);
      return exposedPortsOf(spec, imageConfig.defaults.exposedPorts).some((text) => {
        const exposed = parsePortRange(text);
        return exposed?.protocol === run.protocol && exposed.first <= run.last && exposed.last >= run.first;
      });
    }),
  // Here it selects nothing more: see listContainers().
  realm: () => true,
  "is-task": (_, values) => values.some((value) => /^(0|f|false)$/i.test(value)),
};

/** The newest first. Throws "invalid" in Docker's words for a filter that there is none of. Reads memory only. */
export function listContainers(
  context: ContainerContext,
  { all = false, limit = 0, filters: wanted = {} }: ContainerFilter = {},
): readonly ContainerSummary[] {
  for (const key of Object.keys(wanted)) {
    if (!Object.hasOwn(filters, key)) throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
  }
  checkValues(wanted);
  const active = Object.entries(wanted).filter(([, values]) => values.length > 0);
  const asksForEnded = all || limit > 0 || active.some(([key]) => key === "status" || key === "exited");
  const found: ContainerSummary[] = [];
  const realm: Realm = wanted["realm"]?.includes("cri") === true ? "cri" : "engine";
  for (const record of context.state.containers().toReversed()) {
    if (record.isBuildStep === true || realmOf(record) !== realm) continue;
    if (!asksForEnded && !isRunning(record) && record.state.status !== "restarting") continue;
    if (!active.every(([key, values]) => filters[key]?.(record, values, context) === true)) continue;
    found.push(summarize(context, record));
    if (limit > 0 && found.length === limit) break;
  }
  return found;
}

/** As dockerd, which refuses a wrong value whether or not there are containers. */
function checkValues({
  status = [],
  exited = [],
  health = [],
  realm = [],
}: ContainerFilter["filters"] & object): void {
  for (const value of realm) {
    if (value === "engine" || value === "cri") continue;
    throw new Failure("invalid", `invalid filter 'realm=${value.slice(0, 100)}': must be one of engine, cri`);
  }
  status.forEach(checkStatus);
  for (const value of exited) {
    if (!/^[-+]?\d{1,10}$/.test(value)) {
      throw new Failure("invalid", `invalid filter 'exited=${value.slice(0, 100)}': it is not a number`);
    }
  }
  for (const value of health) {
    if (["none", "starting", "healthy", "unhealthy"].includes(value)) continue;
    const sentence = `invalid filter 'health=${value.slice(0, 100)}'`;
    throw new Failure("invalid", `${sentence}: must be one of none, starting, healthy, unhealthy`);
  }
}

/**
 * SAFETY: patterns come from clients; one that is no pattern, or long enough to be an attack, is taken as plain text.
 */
function namePattern(text: string): RegExp {
  try {
    if (text.length <= 100) return new RegExp(text);
  } catch {
    // Not a pattern.
  }
  return new RegExp(text.replace(/[^A-Za-z0-9]/g, "\\$&"));
}

/** `80`, `80/udp`, `8000-8010`. */
function requireRun(key: string, value: string): PortRange {
  const run = parsePortRange(value);
  if (run !== undefined) return run;
  throw new Failure("invalid", `invalid filter '${key}=${value.slice(0, 100)}'`);
}

function checkStatus(value: string): string {
  if (statuses.includes(value)) return value;
  throw new Failure("invalid", `invalid filter 'status=${value.slice(0, 100)}'`);
}

function isBuiltOn(record: ContainerRecord, diffIds: readonly string[]): boolean {
  return diffIds.length > 0 && diffIds.every((diffId, index) => record.layers[index] === diffId);
}
