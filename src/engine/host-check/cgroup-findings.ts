import type { HostFinding } from "../../model/host-check.ts";
import { familyOf } from "./distribution.ts";
import type { HostFacts } from "./facts.ts";
import { inGroup } from "./finding.ts";

const cgroup = inGroup("cgroup");

/** Controllers by their names on v1 and v2, and what needs them. */
const controllers: readonly { readonly names: readonly [string, string]; readonly without: string }[] = [
  { names: ["cpu", "cpu"], without: "--cpus, --cpu-shares and --cpu-quota" },
  { names: ["cpuset", "cpuset"], without: "--cpuset-cpus and --cpuset-mems" },
  { names: ["memory", "memory"], without: "--memory and its kin, and oom events" },
  { names: ["pids", "pids"], without: "--pids-limit" },
  { names: ["blkio", "io"], without: "--blkio-weight and --device-read-bps and its kin" },
  { names: ["hugetlb", "hugetlb"], without: "--hugetlb-limit" },
];

/** Of others, Tare sets no limits. */
const others = ["rdma", "misc", "net_cls", "net_prio", "perf_event", "dmem"];

/** Pure. */
export function findCgroupFaults(facts: HostFacts): readonly HostFinding[] {
  const { version, isReadOnly, unifiedPath } = facts.cgroup;
  if (version === "none") {
    return [
      cgroup("version", "no hierarchy is mounted", {
        status: "missing",
        affects: "limits, statistics, pause, and the end of all processes of a container",
        fix: ["mkdir -p /sys/fs/cgroup", "mount -t cgroup2 none /sys/fs/cgroup"],
      }),
    ];
  }
  const found = { v1: "v1", v2: "v2", hybrid: "v1 and v2" }[version];
  return [
    version === "v2"
      ? cgroup("version", found)
      : cgroup("version", `${found}; v2 alone is recommended`, {
          status: "info",
          fix: facts.hasSystemd ? kernelParameter(facts, "systemd.unified_cgroup_hierarchy=1") : [],
        }),
    isReadOnly
      ? cgroup("delegation", "the hierarchies are mounted read-only", {
          status: "missing",
          affects: "containers do not start; inside a container, it has to be privileged",
          fix: [`mount -o remount,rw ${unifiedPath ?? "/sys/fs/cgroup"}`],
        })
      : cgroup("delegation", "writable"),
    ...controllers.map(({ names, without }) => controller(facts, names, without)),
    devices(facts),
    facts.cgroup.hasFreezer
      ? cgroup("freezer", "present")
      : cgroup("freezer", "missing", {
          status: "warning",
          affects: "pause and unpause, and commit of running containers",
        }),
    swap(facts),
    facts.cgroup.hasPressure
      ? cgroup("pressure", "PSI")
      : cgroup("pressure", "no PSI", {
          status: "info",
          affects: "pressure_stats of stats",
          fix: kernelParameter(facts, "psi=1"),
        }),
    cgroup(
      "other controllers",
      others.filter((name) => facts.cgroup.controllers[name] !== undefined).join(", ") || "none",
    ),
  ];
}

function controller(facts: HostFacts, [v1, v2]: readonly [string, string], without: string): HostFinding {
  const { controllers: present, disabled } = facts.cgroup;
  const version = present[v1] ?? present[v2];
  if (version !== undefined) return cgroup(v2, `v${version}`);
  const isDisabled = disabled.includes(v1) || disabled.includes(v2);
  return cgroup(
    v2,
    isDisabled ? "switched off at boot" : "not in this kernel, or not passed on to this cgroup",
    {
      status: v2 === "hugetlb" ? "info" : "warning",
      affects: without,
      fix: isDisabled
        ? kernelParameter(facts, v2 === "memory" ? "cgroup_enable=memory" : `cgroup_enable=${v1}`)
        : [],
    },
  );
}

function devices({
  cgroup: { controllers: present, version },
  kernel: { features },
}: HostFacts): HostFinding {
  if (present["devices"] !== undefined) return cgroup("devices", "v1");
  const filter = features?.find(({ name }) => name === "bpf-devices");
  if (version !== "v1" && filter?.isPresent !== false)
    return cgroup(
      "devices",
      filter?.isPresent === true ? "BPF programs" : "BPF programs, which only root can test",
    );
  return cgroup("devices", "neither the v1 controller nor BPF programs", {
    status: "warning",
    affects: "the allow-list of devices, --device and --device-cgroup-rule",
  });
}

function swap(facts: HostFacts): HostFinding {
  if (facts.cgroup.hasSwapAccounting) return cgroup("swap", "limits work");
  return cgroup("swap", "no accounting", {
    status: "warning",
    affects: "--memory-swap is ignored",
    fix: kernelParameter(facts, "swapaccount=1"),
  });
}

/** A parameter of the kernel's command line is where the boot loader keeps it. */
function kernelParameter({ distribution }: HostFacts, parameter: string): readonly string[] {
  switch (familyOf(distribution)) {
    case "debian":
      return [`sed -i 's/^GRUB_CMDLINE_LINUX="/&${parameter} /' /etc/default/grub`, "update-grub", "reboot"];
    case "fedora":
      return [`grubby --update-kernel=ALL --args=${parameter}`, "reboot"];
    case "arch":
    case "suse":
      return [
        `sed -i 's/^GRUB_CMDLINE_LINUX="/&${parameter} /' /etc/default/grub`,
        "grub-mkconfig -o /boot/grub/grub.cfg",
        "reboot",
      ];
    case "alpine":
      return [
        `sed -i 's/^default_kernel_opts="/&${parameter} /' /etc/update-extlinux.conf`,
        "update-extlinux",
        "reboot",
      ];
    case undefined:
      return [];
  }
}
