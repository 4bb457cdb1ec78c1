import { OwnedFd } from "../../linux/kernel/fd.ts";
import { openChildNetwork } from "../../linux/process/process-network.ts";
import { setUpChild } from "../child-setup.ts";
import { type Child, type Launch, launch, type Launched } from "../keeper/launch.ts";
import type { KeeperProgram } from "../keeper-program.ts";
import { launchCallbacks } from "../launch-callbacks.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanClock } from "../plan/report.ts";
import type { StartOptions } from "../types.ts";
import type { PreparedStart } from "./prepare.ts";

/**
 * Has a keeper carry out the plan, and does the engine's share at its barriers. `opened` is disposed of when the keeper
 * has its copies.
 */
export async function launchStart(
  program: KeeperProgram,
  options: StartOptions,
  {
    prepared,
    plan,
    clock,
    opened,
  }: {
    readonly prepared: PreparedStart;
    readonly plan: Plan;
    readonly clock: PlanClock;
    readonly opened: DisposableStack;
  },
): Promise<Launched> {
  return await launch({
    program,
    prewarmedKeeper: options.prewarmedKeeper,
    id: options.id,
    plan,
    clock,
    inheritance: prepared.inheritance,
    directory: new OwnedFd(prepared.directory.move()),
    runDirectory: options.runDirectory,
    ...userNamespaceCallback(options, prepared),
    ...networkCallbacks(options, prepared),
    onInherited: () => {
      opened.dispose();
      options.onInherited?.();
    },
  });
}

function userNamespaceCallback(
  { config, joinNamespaces }: StartOptions,
  { idMaps, process }: PreparedStart,
): Pick<Launch, "onBorn"> {
  if (idMaps === undefined) return {};
  return {
    onBorn: (pid) =>
      setUpChild(pid, {
        maps: joinNamespaces?.has("user") === true ? undefined : idMaps,
        limits: process.limits,
        oomScoreAdj: config.process.oomScoreAdj,
      }),
  };
}

function networkCallbacks(
  options: StartOptions,
  { network }: PreparedStart,
): Pick<Launch, "onNetwork" | "onReady" | "whileLaunching" | "whileSettingUp"> {
  const { attachNetwork, prewarmedNetwork } = options;
  const attached = prewarmedNetwork?.attached;
  const attach = async (child: Child): Promise<void> => {
    using netns = openChildNetwork({ pid: child.pid, parentPid: child.keeperPid });
    await attachNetwork?.(netns.fd);
  };
  const attachesConcurrently = network === "concurrently" && prewarmedNetwork === undefined;
  return {
    onNetwork: network === "before" ? attach : undefined,
    whileLaunching: attached && (() => attached),
    ...launchCallbacks(options, attachesConcurrently ? attach : undefined),
  };
}
