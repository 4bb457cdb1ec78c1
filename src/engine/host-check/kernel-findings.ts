import { getNamespaceKind } from "../../linux/namespaces/namespaces.ts";
import { keysOf } from "../../base/keys.ts";
import type { NamespaceType } from "../../linux/namespaces/namespaces.ts";
import type { HostFinding } from "../../model/host-check.ts";
import { installCommands, moduleCommands, upgradeKernelCommands } from "./distribution.ts";
import type { FeatureFacts, HostFacts, ModuleState } from "./facts.ts";
import { type Defect, inGroup, notVisible } from "./finding.ts";
import { type ModulePart, moduleParts } from "./modules.ts";

const kernel = inGroup("kernel");

/** KERNEL(5.14): the minimum; 6.8 is recommended. */
const minimum = "5.14";
const recommended = "6.8";
/** Fewer namespaces of a kind than this are a configured limit. */
const fewNamespaces = 1024;
const manyNamespaces = 15_000;

/** These are in the findings of the cgroups. */
const ofCgroups: ReadonlySet<string> = new Set(["bpf-devices", "swap-accounting"]);

/** Pure. */
export function findKernelFaults(facts: HostFacts): readonly HostFinding[] {
  return [
    version(facts),
    ...privileges(facts),
    calls(facts),
    ...(facts.kernel.features ?? [])
      .filter(({ name }) => !ofCgroups.has(name))
      .map((feature) => describeFeature(feature, facts)),
    ...keysOf(facts.kernel.namespaces).map((type) => namespace(type, facts.kernel.namespaces[type], facts)),
    ...unprivilegedNamespaces(facts),
    facts.kernel.hasSeccompFilter
      ? kernel("seccomp", "filters")
      : kernel("seccomp", "no filters (CONFIG_SECCOMP_FILTER)", {
          status: "missing",
          affects: "containers do not start, but with --security-opt seccomp=unconfined",
          fix: upgradeKernelCommands(facts.distribution, facts.kernel.architecture),
        }),
    securityModules(facts),
    ...moduleParts.map((part) => describeModule(part, facts)),
  ];
}

/** Compares as versions: 5.14 is newer than 5.9. Pure. */
export function isOlder(release: string, than: string): boolean {
  const numbers = (text: string): readonly number[] =>
    (/^\d+(?:\.\d+)*/.exec(text)?.[0] ?? "0").split(".").map(Number);
  const [one, other] = [numbers(release), numbers(than)];
  for (let at = 0; at < other.length; at++) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function upgrade({ distribution, kernel: { architecture } }: HostFacts): readonly string[] {
  return upgradeKernelCommands(distribution, architecture);
}

function version(facts: HostFacts): HostFinding {
  const { release } = facts.kernel;
  if (isOlder(release, minimum)) {
    return kernel("version", `${release}, older than ${minimum}`, {
      status: "missing",
      affects: "containers do not start",
      fix: upgrade(facts),
    });
  }
  if (!isOlder(release, recommended)) return kernel("version", release);
  return kernel("version", `${release}; ${recommended} or later is recommended`, {
    status: "info",
    affects: "some starts take slower ways",
    fix: upgrade(facts),
  });
}

function privileges({ privileges: { uid, lacking, isInitialUserNamespace } }: HostFacts): HostFinding[] {
  if (!isInitialUserNamespace) {
    return [
      kernel("privileges", "a user namespace, in which root is not the host's", {
        status: "missing",
        affects: "the daemon, which needs root of the host",
        fix: [],
      }),
    ];
  }
  if (uid !== 0) {
    return [
      kernel("privileges", "an ordinary user, who cannot see everything", {
        status: "info",
        fix: ["sudo tare doctor"],
      }),
    ];
  }
  const vital = lacking.filter((name) => name !== "CAP_SYS_RESOURCE");
  if (vital.length > 0) {
    return [
      kernel("privileges", `root without ${vital.join(", ")}`, {
        status: "missing",
        affects: "containers do not start; inside a container, it has to be privileged",
      }),
    ];
  }
  if (lacking.length > 0) {
    return [
      kernel("privileges", "root without CAP_SYS_RESOURCE", {
        status: "info",
        affects: "--ulimit above the daemon's hard limits and a lower --oom-score-adj are clamped",
      }),
    ];
  }
  return [kernel("privileges", "root")];
}

function calls(facts: HostFacts): HostFinding {
  const { missingCalls, addonProblem } = facts.kernel;
  if (missingCalls === undefined) {
    return kernel("system calls", `the addon was not loaded: ${addonProblem ?? "unknown reason"}`, {
      status: facts.privileges.uid === 0 ? "missing" : "info",
      affects: facts.privileges.uid === 0 ? "the daemon does not start" : notVisible,
      fix:
        facts.privileges.uid === 0 && facts.disk.options.includes("noexec")
          ? [`mount -o remount,exec ${facts.disk.mountPoint}`]
          : [],
    });
  }
  if (missingCalls.length === 0) return kernel("system calls", "mount API, pidfd");
  return kernel("system calls", `missing: ${missingCalls.join(", ")}`, {
    status: "missing",
    affects: "containers do not start",
    fix: isOlder(facts.kernel.release, minimum) ? upgrade(facts) : [],
  });
}

const statuses = { needed: "missing", used: "warning", replaced: "info" } as const;

function describeFeature(feature: FeatureFacts, facts: HostFacts): HostFinding {
  const { name, since, without, importance, isPresent, isForcedAbsent, unloaded } = feature;
  if (isForcedAbsent) {
    return kernel(name, "TARE_WITHOUT declares it absent", {
      status: statuses[importance],
      affects: without,
      fix: ["unset TARE_WITHOUT"],
    });
  }
  if (isPresent === undefined) {
    const found = unloaded === undefined ? notVisible : `not tested: ${unloaded} is not loaded`;
    return kernel(name, found, { status: "info" });
  }
  if (isPresent) return kernel(name, "works");
  const isTooOld = isOlder(facts.kernel.release, since);
  return kernel(name, isTooOld ? `needs Linux ${since}` : "not in this kernel, or switched off", {
    status: statuses[importance],
    affects: without,
    fix: isTooOld ? upgrade(facts) : (switchesOn[name]?.(facts) ?? []),
  });
}

/** The action that enables a feature on a kernel that is new enough. */
const switchesOn: Readonly<Record<string, (facts: HostFacts) => readonly string[]>> = {
  "user-namespace": () => [`sysctl -w user.max_user_namespaces=${manyNamespaces}`],
  "memfd-exec": () => ["sysctl -w vm.memfd_noexec=0"],
  "cgroup.kill": ({ cgroup }) => (cgroup.version === "none" ? ["mount -t cgroup2 none /sys/fs/cgroup"] : []),
};

const optionalTypes: Readonly<Partial<Record<NamespaceType, string>>> = {
  user: "--userns is refused",
  time: "--time-offset is refused",
};

function namespace(
  type: NamespaceType,
  { isPresent, limit }: HostFacts["kernel"]["namespaces"][NamespaceType],
  facts: HostFacts,
): HostFinding {
  const check = `${type} namespaces`;
  const affects = optionalTypes[type] ?? "containers do not start";
  const status = optionalTypes[type] === undefined ? "missing" : "warning";
  if (!isPresent) {
    return kernel(check, "not in this kernel", { status, affects, fix: upgrade(facts) });
  }
  if (limit === undefined) return kernel(check, "present");
  const file = getNamespaceKind(type).file;
  const fix = [`sysctl -w user.max_${file}_namespaces=${manyNamespaces}`];
  const found = `user.max_${file}_namespaces is ${limit}`;
  if (limit === 0) return kernel(check, found, { status, affects, fix });
  if (limit >= fewNamespaces) return kernel(check, `at most ${limit}`);
  return kernel(check, found, { status: "warning", affects: `at most ${limit} containers start`, fix });
}

function unprivilegedNamespaces({ kernel: state }: HostFacts): HostFinding[] {
  const affects =
    "only programs that create user namespaces without root, in containers too (browsers, builders)";
  const findings: HostFinding[] = [];
  if (state.unprivilegedUsernsClone === 0) {
    findings.push(
      kernel("unprivileged user namespaces", "kernel.unprivileged_userns_clone is 0", {
        status: "info",
        affects,
        fix: ["sysctl -w kernel.unprivileged_userns_clone=1"],
      }),
    );
  }
  if (state.restrictsUserns === 1) {
    findings.push(
      kernel("AppArmor user namespaces", "kernel.apparmor_restrict_unprivileged_userns is 1", {
        status: "info",
        affects,
        fix: ["sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"],
      }),
    );
  }
  return findings;
}

function securityModules(facts: HostFacts): HostFinding {
  const { securityModules: names, hasAppArmor } = facts.kernel;
  if (names !== undefined) return kernel("security modules", names.length === 0 ? "none" : names.join(", "));
  const found = hasAppArmor ? "apparmor; securityfs is not mounted" : "unknown: securityfs is not mounted";
  return kernel("security modules", found, {
    status: "info",
    fix: ["mount -t securityfs none /sys/kernel/security"],
  });
}

const words: Readonly<Record<Exclude<ModuleState, "builtin" | "loaded">, string>> = {
  loadable: "a module, not loaded; the kernel loads it when it is needed",
  uninstalled: "a module that is not installed",
  absent: "not in this kernel",
  unknown: "unknown: the kernel's configuration is not visible",
};

function describeModule(part: ModulePart, facts: HostFacts): HostFinding {
  const { check, module, option, status, without, isForeign } = part;
  const state = facts.kernel.modules[module] ?? "unknown";
  if (state === "builtin" || state === "loaded")
    return kernel(check, state === "builtin" ? "built in" : "loaded");
  const defect = ((): Defect => {
    switch (state) {
      case "loadable":
        return { status: "info", fix: [`modprobe ${module}`] };
      case "unknown":
        return { status: "info" };
      case "uninstalled":
        return {
          status,
          affects: without,
          fix: moduleCommands(facts.distribution, facts.kernel.release, module),
        };
      case "absent":
        return { status, affects: without };
      default:
        return state satisfies never;
    }
  })();
  const found = state === "absent" ? `${words[state]} (CONFIG_${option})` : words[state];
  const isUsed = driverModules[facts.disk.driver ?? ""] === module && defect.affects !== undefined;
  if (isUsed) {
    return kernel(check, found, {
      ...defect,
      status: "missing",
      affects: `the data root was created with the storage driver ${facts.disk.driver}; the daemon does not start`,
    });
  }
  if (isForeign === true && state !== "loadable") return kernel(check, found, { ...defect, fix: [] });
  return kernel(check, found, defect);
}

const driverModules: Readonly<Record<string, string>> = {
  overlay: "overlay",
  erofs: "erofs",
  btrfs: "btrfs",
  devicemapper: "dm_thin_pool",
  aufs: "aufs",
};

/** The default AppArmor profile needs a program of the host. */
export function findAppArmorFault({
  kernel: { hasAppArmor },
  programs,
  distribution,
}: HostFacts): Defect | undefined {
  if (!hasAppArmor || programs["apparmor_parser"] === true) return undefined;
  return {
    status: "warning",
    affects: "containers run without an AppArmor profile",
    fix: installCommands(distribution, "apparmor"),
  };
}
