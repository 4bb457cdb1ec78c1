import { readFileSync } from "node:fs";
import { Failure } from "../base/failure.ts";
import { RecentMap } from "../base/recent-map.ts";
import { release } from "node:os";
import { architecture } from "../linux/constants/architecture.ts";
import {
  capabilitiesOfMask,
  capabilityMask,
  type CapabilityName,
  capabilityNames,
  parseCapability,
} from "../linux/process/capability.ts";
import {
  clampResourceLimit,
  findResourceName,
  readResourceLimit,
  type ResourceLimit,
} from "../linux/process/rlimit.ts";
import { compileSeccomp, defaultSeccompProfile, seccompFlagBits } from "../linux/seccomp/seccomp.ts";
import { compileTracedSeccomp, permissiveSeccompProfile, type SeccompWatch } from "../linux/seccomp/watch.ts";
import type { SeccompProfile } from "../spec/seccomp.ts";
import type { RuntimeProcess } from "../spec/runtime-config.ts";
import { usualChannel } from "./plan/plan.ts";
import {
  barrierCalls,
  type PlannedProcess,
  type PlannedSeccomp,
  type PreservedFd,
  raisedChannel,
} from "./plan/process.ts";

export interface PreparedProcess {
  readonly planned: PlannedProcess;
  readonly limits: readonly ResourceLimit[];
  readonly warnings: readonly string[];
}

let ownMask: bigint | undefined;

/** The capabilities that this engine may pass on: its own bounding set and permitted ones. */
function availableCapabilities(): ReadonlySet<CapabilityName> {
  if (ownMask === undefined) {
    const status = readFileSync("/proc/self/status", "utf8");
    const field = (name: string): bigint =>
      BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0"}`);
    ownMask = field("CapPrm") & field("CapBnd");
  }
  return new Set(capabilitiesOfMask(ownMask));
}

/**
 * Fits what is asked for a process to what this engine may give: limits and scores are clamped, with a warning for
 * each; the seccomp profile is compiled for exactly its capabilities.
 */
export function prepareProcess(
  process: RuntimeProcess,
  options: {
    readonly seccomp?: unknown;
    readonly announce: boolean;
    readonly watch?: SeccompWatch | undefined;
    readonly preserved?: readonly PreservedFd[] | undefined;
  },
): PreparedProcess {
  const available = availableCapabilities();
  const warnings: string[] = [];
  const limits: ResourceLimit[] = [];
  for (const { type, soft, hard } of process.rlimits ?? []) {
    const resource = findResourceName(type);
    if (resource === undefined) {
      warnings.push(`ignoring the unknown limit "${type}"`);
      continue;
    }
    const wanted: ResourceLimit = { resource, soft, hard };
    const clamped = available.has("CAP_SYS_RESOURCE")
      ? { limit: wanted }
      : clampResourceLimit(wanted, readResourceLimit(resource));
    limits.push(clamped.limit);
    if ("warning" in clamped && clamped.warning !== undefined) warnings.push(clamped.warning);
  }
  const bounding = new Set((process.capabilities?.bounding ?? []).map(parseCapability));
  const lacking = capabilityNames.filter((name) => bounding.has(name) && !available.has(name));
  if (lacking.length > 0)
    warnings.push(`cannot give ${lacking.join(", ")}: this engine does not have it itself`);
  const seccomp = compile(
    options.seccomp,
    new Set([...bounding].filter((name): name is CapabilityName => name !== "ALL" && available.has(name))),
    { watch: options.watch, channel: options.preserved === undefined ? usualChannel : raisedChannel },
  );
  return {
    planned: {
      process,
      available,
      announce: options.announce,
      preserved: options.preserved,
      seccomp,
    },
    limits,
    warnings,
  };
}

/** One program for each profile, set of capabilities and way to watch: what was checked of it need not be again. */
const programs = new WeakMap<SeccompProfile, RecentMap<string, PlannedSeccomp | undefined>>();
const maxPrograms = 32;

function compile(
  profile: unknown,
  capabilities: ReadonlySet<CapabilityName>,
  { watch, channel }: { readonly watch: SeccompWatch | undefined; readonly channel: number },
): PlannedSeccomp | undefined {
  const isTraced = watch !== undefined && (watch.denials || watch.calls);
  if ((profile === undefined || profile === null) && !isTraced) return undefined;
  const chosen =
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the configuration holds what the engine has parsed; the OCI schema does not say so
    profile === "default" ? defaultSeccompProfile : ((profile ?? permissiveSeccompProfile) as SeccompProfile);
  let known = programs.get(chosen);
  if (known === undefined) programs.set(chosen, (known = new RecentMap(maxPrograms)));
  const mask = capabilityMask(capabilities);
  const key = isTraced ? `${mask} ${watch.denials} ${watch.calls} ${channel}` : String(mask);
  return known.get(key, () => {
    const traced = isTraced ? compileFor(chosen, capabilities, { watch, channel }) : undefined;
    return (
      traced ?? (profile === undefined || profile === null ? undefined : compileFor(chosen, capabilities))
    );
  });
}

function compileFor(
  chosen: SeccompProfile,
  capabilities: ReadonlySet<CapabilityName>,
  watching?: { readonly watch: SeccompWatch; readonly channel: number },
): PlannedSeccomp | undefined {
  if (chosen.rules.some(({ action }) => action.kind === "notify"))
    throw new Failure("unsupported", "cannot use the seccomp profile: SCMP_ACT_NOTIFY is not supported yet");
  const options = { capabilities, architecture, kernel: release() } as const;
  if (watching === undefined)
    return { program: compileSeccomp(chosen, options), flags: seccompFlagBits(chosen) };
  const { watch, channel } = watching;
  const compiled = compileTracedSeccomp(chosen, { ...options, watch, untraced: barrierCalls(channel) });
  if (compiled === undefined) return undefined;
  const { filter, flags, ...traced } = compiled;
  return { program: filter, flags, traced };
}
