import type { HostFinding } from "../../model/host-check.ts";
import { findCdiFaults } from "./cdi-findings.ts";
import { findCgroupFaults } from "./cgroup-findings.ts";
import { findClockFaults } from "./clock-findings.ts";
import { findDaemonFaults } from "./daemon-findings.ts";
import { findDiskFaults } from "./disk-findings.ts";
import type { DaemonFacts, HostFacts } from "./facts.ts";
import { findFirewallFaults } from "./firewall-findings.ts";
import { findKernelFaults } from "./kernel-findings.ts";
import { findLimitFaults } from "./limit-findings.ts";
import { findProgramFaults } from "./program-findings.ts";
import { readCgroups } from "./read-cgroups.ts";
import { readClock } from "./read-clock.ts";
import { readDisk } from "./read-disk.ts";
import { readFirewall } from "./read-firewall.ts";
import {
  findPrograms,
  hasSystemd,
  readDistribution,
  readPrivileges,
  readResolverFacts,
} from "./read-host.ts";
import { readKernel } from "./read-kernel.ts";
import { readLimits } from "./read-limits.ts";
import { findResolverFaults } from "./resolver-findings.ts";

/** Reads what there is. Changes nothing, starts nothing, loads no module. */
export function readHost({
  dataRoot,
  runRoot,
  daemon,
  cdi,
}: {
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly daemon: DaemonFacts;
  readonly cdi: HostFacts["cdi"];
}): HostFacts {
  const privileges = readPrivileges();
  const isPrivileged = !privileges.lacking.includes("CAP_SYS_ADMIN");
  const kernel = readKernel({ isPrivileged });
  return {
    privileges,
    distribution: readDistribution(),
    hasSystemd: hasSystemd(),
    kernel,
    cgroup: readCgroups(),
    limits: readLimits(),
    firewall: readFirewall({
      isPrivileged: !privileges.lacking.includes("CAP_NET_ADMIN"),
      isLoaded: kernel.modules["nf_tables"] !== "loadable",
    }),
    disk: readDisk({ dataRoot, runRoot }),
    clock: readClock(dataRoot),
    resolver: readResolverFacts(),
    programs: findPrograms(),
    daemon,
    cdi,
  };
}

/** Derives findings from the facts, by group. An ordinary user's commands start with sudo. Pure. */
export function findHostFaults(facts: HostFacts): readonly HostFinding[] {
  const findings = [
    ...findKernelFaults(facts),
    ...findCgroupFaults(facts),
    ...findLimitFaults(facts),
    ...findFirewallFaults(facts),
    ...findDiskFaults(facts),
    ...findClockFaults(facts),
    ...findResolverFaults(facts),
    ...findProgramFaults(facts),
    ...findDaemonFaults(facts),
    ...findCdiFaults(facts),
  ];
  if (facts.privileges.uid === 0) return findings;
  return findings.map((finding) => ({ ...finding, fix: finding.fix.map(asRoot) }));
}

/** Commands of the shell itself, or for the calling user. */
const ownCommands = /^(?:sudo|unset|ulimit|cat|newgrp) /;

function asRoot(command: string): string {
  return ownCommands.test(command) ? command : `sudo ${command}`;
}
