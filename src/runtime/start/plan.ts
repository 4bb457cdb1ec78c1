import { hasFeature } from "../../linux/features.ts";
import { hostUserOf } from "../child-setup.ts";
import { planContainer, type PlannedLists } from "../plan/container.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanClock } from "../plan/report.ts";
import { isDevices } from "../prepare-mounts.ts";
import type { StartOptions } from "../types.ts";
import type { PreparedStart } from "./prepare.ts";

const defaultDeadlineMs = 30_000;

/**
 * The plan of a start: which calls the keeper and its child make, and what the keeper keeps. Changes nothing but the
 * blob.
 */
export function planStart(
  options: StartOptions,
  prepared: PreparedStart,
): { readonly plan: Plan; readonly clock: PlanClock } {
  const { config } = options;
  const lists = planLists(options, prepared);
  const plan: Plan = {
    before: lists.before,
    child: lists.child,
    blob: prepared.blob,
    cloneFlags: lists.cloneFlags,
    ...lists.joins,
    cgroupFd: prepared.groups.cgroupFd,
    streams: lists.streams,
    keep: true,
    terminal: config.process.terminal === true,
    closeStdin: options.stdinOnce === true,
    dieWithCaller: options.dieWithCaller === true,
    deadlineMs: options.setupDeadlineMs ?? defaultDeadlineMs,
    exitDirectoryFd: prepared.exitDirectory,
    ...prepared.seccompPolicy,
    keptFds: [prepared.root, prepared.rootLock, ...prepared.held],
    log: prepared.log,
  };
  return { plan, clock: lists.clock };
}

function planLists(options: StartOptions, prepared: PreparedStart): PlannedLists {
  const { config } = options;
  const { groups, idMaps, init, memoryFiles, network, process } = prepared;
  return planContainer(
    {
      config,
      root: prepared.root,
      // No process of a user namespace reaches the run directory.
      rootPath: idMaps === undefined ? options.runDirectory : "/",
      mounts: prepared.mounts,
      clonesDetached: hasFeature("detached-composition"),
      memoryFiles,
      seals: prepared.seals,
      joinNamespaces: prepared.joinNamespaces,
      cgroupTasks: groups.cgroupTasks,
      otherTasks: groups.otherTasks,
      keeperTasks: groups.keeperTasks,
      limits: process.limits,
      process: init === undefined ? process.planned : { ...process.planned, init },
      openStdin: options.keepStdinOpen === true,
      network,
      links: options.links,
      modes: options.modes,
      streamOwner: idMaps && hostUserOf(config.process, idMaps),
      devicesMade: idMaps && config.mounts.some(isDevices),
    },
    prepared.blob,
  );
}
