/** Plans for tests: a usual container's input with changes, and questions to ask of a list. */
import { capabilityNames } from "../../../src/linux/process/capability.ts";
import {
  type ContainerInput,
  type ExecInput,
  planContainer,
  planExec,
  type PlannedLists,
} from "../../../src/runtime/plan/container.ts";
import type { PlannedMount } from "../../../src/runtime/plan/mounts.ts";
import { type Plan, PlanBlob, type PlanList, type PlanOp } from "../../../src/runtime/plan/plan.ts";
import type { PlannedProcess } from "../../../src/runtime/plan/process.ts";
import type { RuntimeConfig, RuntimeLinux, RuntimeProcess } from "../../../src/spec/runtime-config.ts";

export interface Changes {
  readonly process?: Partial<RuntimeProcess>;
  readonly linux?: Partial<RuntimeLinux>;
  readonly config?: Partial<RuntimeConfig>;
  readonly planned?: Partial<Omit<PlannedProcess, "process">>;
  readonly input?: Partial<Omit<ContainerInput, "config" | "process">>;
}

export const fileSystem = (destination: string, type: string): PlannedMount => ({
  kind: "filesystem",
  destination,
  type,
  attributes: 0,
  parameters: [],
});

export function plannedProcess(changes: Changes = {}): PlannedProcess {
  return {
    process: {
      user: { uid: 0, gid: 0 },
      args: ["sh", "-c", "true"],
      env: ["PATH=/usr/bin:/bin"],
      cwd: "/",
      capabilities: { bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"] },
      ...changes.process,
    },
    available: new Set(capabilityNames),
    announce: false,
    ...changes.planned,
  };
}

export function containerInput(changes: Changes = {}): ContainerInput {
  const process = plannedProcess(changes);
  return {
    config: {
      ociVersion: "1.2.0",
      hostname: "box",
      root: { path: "/" },
      process: process.process,
      mounts: [],
      linux: {
        namespaces: (["pid", "mount", "ipc", "uts", "network", "cgroup"] as const).map((type) => ({ type })),
        maskedPaths: ["/proc/kcore"],
        readonlyPaths: ["/proc/sys"],
        ...changes.linux,
      },
      ...changes.config,
    },
    root: 4,
    rootPath: "/run/place",
    mounts: [fileSystem("/proc", "proc"), fileSystem("/dev", "tmpfs"), fileSystem("/dev/pts", "devpts")],
    seals: [],
    joinNamespaces: new Map(),
    cgroupTasks: [5, 6, 7],
    limits: [],
    process,
    openStdin: false,
    ...changes.input,
  };
}

export function container(changes: Changes = {}): PlannedLists & { readonly blob: PlanBlob } {
  const blob = new PlanBlob();
  return { ...planContainer(containerInput(changes), blob), blob };
}

export function exec(
  changes: Changes & { readonly exec?: Partial<ExecInput> } = {},
): PlannedLists & { readonly blob: PlanBlob } {
  const blob = new PlanBlob();
  const lists = planExec(
    {
      target: 4,
      joins: ["mount", "uts", "ipc", "pid", "network", "cgroup"],
      cgroupTasks: [5, 6],
      limits: [],
      process: plannedProcess(changes),
      openStdin: false,
      ...changes.exec,
    },
    blob,
  );
  return { ...lists, blob };
}

export function asPlan(lists: PlannedLists & { readonly blob: PlanBlob }, changes: Partial<Plan> = {}): Plan {
  return {
    before: lists.before,
    child: lists.child,
    blob: lists.blob,
    cloneFlags: lists.cloneFlags,
    streams: lists.streams,
    keep: true,
    terminal: false,
    closeStdin: false,
    dieWithCaller: false,
    deadlineMs: 30_000,
    keptFds: [],
    ...changes,
  };
}

/** The places of the calls of that name (and first arguments) in a list. */
export function positionsOf(list: PlanList, call: PlanOp["call"], ...args: readonly unknown[]): number[] {
  return list.ops.flatMap((op, i) =>
    op.call === call && args.every((argument, k) => op.args[k] === argument) ? [i] : [],
  );
}

/** The place of the one call; fails when there is none, or more. */
export function positionOf(list: PlanList, call: PlanOp["call"], ...args: readonly unknown[]): number {
  const places = positionsOf(list, call, ...args);
  if (places.length !== 1) throw new Error(`${call}(${args.join(", ")}…) is there ${places.length} times`);
  return places[0] as number;
}
