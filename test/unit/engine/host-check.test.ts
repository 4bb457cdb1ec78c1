import { describe, expect, test } from "bun:test";
import { findHostFaults } from "../../../src/engine/host-check/check-host.ts";
import type { HostFacts } from "../../../src/engine/host-check/facts.ts";
import type { HostFinding } from "../../../src/model/host-check.ts";
import { soundHost } from "./host-facts.ts";

type Changes = { readonly [K in keyof HostFacts]?: Partial<HostFacts[K]> };

/** The sound host, but for some members. */
function hostWith(changes: Changes): HostFacts {
  const groups = Object.entries(changes).map(([group, members]) => {
    const sound = soundHost[group as keyof HostFacts];
    return [group, typeof sound === "object" ? { ...sound, ...(members as object) } : members];
  });
  return { ...soundHost, ...Object.fromEntries(groups) } as HostFacts;
}

function withFeature(name: string, changes: object): Changes {
  const features = (soundHost.kernel.features ?? []).map((feature) =>
    feature.name === name ? { ...feature, ...changes } : feature,
  );
  return { kernel: { features } };
}

const withNamespace = (type: string, state: object): Changes => ({
  kernel: { namespaces: { ...soundHost.kernel.namespaces, [type]: { isPresent: true, ...state } } },
});
const withModule = (module: string, state: string): Changes => ({
  kernel: { modules: { ...soundHost.kernel.modules, [module]: state as "absent" } },
});
const withoutController = (name: string, disabled: readonly string[] = []): Changes => {
  const { [name]: _, ...controllers } = soundHost.cgroup.controllers;
  return { cgroup: { controllers, disabled } };
};
const withoutProgram = (name: string): Changes => ({
  programs: { ...soundHost.programs, [name]: false },
});
const on = (id: string, like: readonly string[] = []): Changes => ({ distribution: { id, like } });

test("findHostFaults() finds nothing on a sound host", () => {
  const findings = findHostFaults(soundHost);
  expect(findings.length).toBeGreaterThan(60);
  expect(findings.filter(({ status }) => status !== "ok")).toEqual([]);
  expect(findings.every(({ affects, fix }) => affects === undefined && fix.length === 0)).toBe(true);
});

/** A host, and the finding that it has and the sound one has not; `affects` and `found` are parts of the texts. */
const cases: readonly (readonly [
  name: string,
  changes: Changes,
  wanted: Pick<HostFinding, "group" | "check" | "status"> & {
    readonly found?: string;
    readonly affects?: string;
    readonly fix?: readonly string[];
  },
])[] = [
  [
    "a kernel below the minimum",
    { kernel: { release: "5.10.0-30-amd64" } },
    {
      group: "kernel",
      check: "version",
      status: "missing",
      found: "5.10.0-30-amd64, older than 5.14",
      affects: "containers do not start",
      fix: ["apt-get install -y linux-image-amd64", "reboot"],
    },
  ],
  [
    "a kernel below the recommended one, on Ubuntu",
    { ...on("ubuntu", ["debian"]), kernel: { release: "5.15.0-91-generic" } },
    {
      group: "kernel",
      check: "version",
      status: "info",
      fix: ["apt-get install -y linux-generic", "reboot"],
    },
  ],
  [
    "a kernel whose second number has two digits is newer",
    { kernel: { release: "5.9.16" } },
    { group: "kernel", check: "version", status: "missing" },
  ],
  [
    "an ordinary user",
    { privileges: { uid: 1000, lacking: ["CAP_SYS_ADMIN"] }, daemon: { isInGroup: true } },
    { group: "kernel", check: "privileges", status: "info", fix: ["sudo tare doctor"] },
  ],
  [
    "root of a container without privileges",
    { privileges: { lacking: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"] } },
    {
      group: "kernel",
      check: "privileges",
      status: "missing",
      found: "root without CAP_SYS_ADMIN, CAP_NET_ADMIN",
    },
  ],
  [
    "root without CAP_SYS_RESOURCE",
    { privileges: { lacking: ["CAP_SYS_RESOURCE"] } },
    { group: "kernel", check: "privileges", status: "info", affects: "--ulimit" },
  ],
  [
    "root of a user namespace",
    { privileges: { isInitialUserNamespace: false } },
    { group: "kernel", check: "privileges", status: "missing" },
  ],
  [
    "calls that a seccomp filter hides",
    { kernel: { missingCalls: ["fsopen", "open_tree"] } },
    {
      group: "kernel",
      check: "system calls",
      status: "missing",
      found: "missing: fsopen, open_tree",
      fix: [],
    },
  ],
  [
    "a needed feature that is missing in an old kernel",
    { kernel: { release: "5.14.1", ...withFeature("openat2", { isPresent: false, since: "5.16" }).kernel } },
    {
      group: "kernel",
      check: "openat2",
      status: "missing",
      found: "needs Linux 5.16",
      fix: ["apt-get install -y linux-image-amd64", "reboot"],
    },
  ],
  [
    "a feature with a fallback",
    withFeature("lowerdir+", { isPresent: false }),
    { group: "kernel", check: "lowerdir+", status: "info", affects: "without lowerdir+", fix: [] },
  ],
  [
    "executable memory files that a sysctl forbids",
    withFeature("memfd-exec", { isPresent: false }),
    { group: "kernel", check: "memfd-exec", status: "info", fix: ["sysctl -w vm.memfd_noexec=0"] },
  ],
  [
    "an option's feature",
    withFeature("seccomp-notify", { isPresent: false }),
    { group: "kernel", check: "seccomp-notify", status: "warning" },
  ],
  [
    "a feature that TARE_WITHOUT takes away",
    withFeature("clone3", { isPresent: false, isForcedAbsent: true }),
    { group: "kernel", check: "clone3", status: "missing", fix: ["unset TARE_WITHOUT"] },
  ],
  [
    "no network namespaces allowed",
    withNamespace("network", { limit: 0 }),
    {
      group: "kernel",
      check: "network namespaces",
      status: "missing",
      found: "user.max_net_namespaces is 0",
      fix: ["sysctl -w user.max_net_namespaces=15000"],
    },
  ],
  [
    "few mount namespaces allowed",
    withNamespace("mount", { limit: 20 }),
    {
      group: "kernel",
      check: "mount namespaces",
      status: "warning",
      affects: "at most 20 containers",
      fix: ["sysctl -w user.max_mnt_namespaces=15000"],
    },
  ],
  [
    "no user namespaces allowed",
    withNamespace("user", { limit: 0 }),
    { group: "kernel", check: "user namespaces", status: "warning", affects: "--userns is refused" },
  ],
  [
    "a kernel without time namespaces, on Fedora",
    { ...on("fedora"), ...withNamespace("time", { isPresent: false }) },
    {
      group: "kernel",
      check: "time namespaces",
      status: "warning",
      fix: ["dnf upgrade -y kernel", "reboot"],
    },
  ],
  [
    "user namespaces for root only",
    { kernel: { unprivilegedUsernsClone: 0 } },
    { group: "kernel", check: "unprivileged user namespaces", status: "info" },
  ],
  [
    "user namespaces that AppArmor restricts",
    { kernel: { restrictsUserns: 1 } },
    {
      group: "kernel",
      check: "AppArmor user namespaces",
      status: "info",
      fix: ["sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"],
    },
  ],
  [
    "a kernel without seccomp filters, on Alpine",
    { ...on("alpine"), kernel: { hasSeccompFilter: false } },
    { group: "kernel", check: "seccomp", status: "missing", fix: ["apk add --upgrade linux-lts", "reboot"] },
  ],
  [
    "a module that is not loaded",
    withModule("erofs", "loadable"),
    { group: "kernel", check: "erofs", status: "info", fix: ["modprobe erofs"] },
  ],
  [
    "a module that Ubuntu has in a package of its own",
    { ...on("ubuntu", ["debian"]), ...withModule("dm_thin_pool", "uninstalled") },
    {
      group: "kernel",
      check: "device mapper",
      status: "info",
      affects: "devicemapper",
      fix: ["apt-get install -y linux-modules-extra-6.12.4-amd64", "modprobe dm_thin_pool"],
    },
  ],
  [
    "a kernel without the data root's file system",
    withModule("overlay", "absent"),
    {
      group: "kernel",
      check: "overlay",
      status: "missing",
      found: "not in this kernel (CONFIG_OVERLAY_FS)",
      affects: "the data root was created with the storage driver overlay",
    },
  ],
  [
    "a kernel without overlay, before the data root exists",
    { ...withModule("overlay", "absent"), disk: { driver: undefined } },
    { group: "kernel", check: "overlay", status: "warning", affects: "vfs copies the whole image" },
  ],
  [
    "a kernel without veth",
    withModule("veth", "absent"),
    { group: "kernel", check: "veth", status: "missing", affects: "bridge networks" },
  ],
  [
    "no cgroups",
    { cgroup: { version: "none", controllers: {} } },
    {
      group: "cgroup",
      check: "version",
      status: "missing",
      fix: ["mkdir -p /sys/fs/cgroup", "mount -t cgroup2 none /sys/fs/cgroup"],
    },
  ],
  [
    "cgroups that are mounted read-only",
    { cgroup: { isReadOnly: true } },
    { group: "cgroup", check: "delegation", status: "missing", fix: ["mount -o remount,rw /sys/fs/cgroup"] },
  ],
  [
    "cgroup v1 next to v2",
    { cgroup: { version: "hybrid" } },
    { group: "cgroup", check: "version", status: "info" },
  ],
  [
    "a memory controller that is off at boot",
    withoutController("memory", ["memory"]),
    {
      group: "cgroup",
      check: "memory",
      status: "warning",
      affects: "--memory",
      fix: [
        `sed -i 's/^GRUB_CMDLINE_LINUX="/&cgroup_enable=memory /' /etc/default/grub`,
        "update-grub",
        "reboot",
      ],
    },
  ],
  [
    "a pids controller that was not passed on",
    withoutController("pids"),
    { group: "cgroup", check: "pids", status: "warning", affects: "--pids-limit", fix: [] },
  ],
  [
    "no swap accounting, on Fedora",
    { ...on("rocky", ["rhel", "centos", "fedora"]), cgroup: { hasSwapAccounting: false } },
    {
      group: "cgroup",
      check: "swap",
      status: "warning",
      fix: ["grubby --update-kernel=ALL --args=swapaccount=1", "reboot"],
    },
  ],
  ["no PSI", { cgroup: { hasPressure: false } }, { group: "cgroup", check: "pressure", status: "info" }],
  [
    "no device filters",
    withFeature("bpf-devices", { isPresent: false }),
    { group: "cgroup", check: "devices", status: "warning", affects: "allow-list" },
  ],
  [
    "few open files, without a service",
    { limits: { openFiles: 1024 }, daemon: { hasService: false }, hasSystemd: false },
    { group: "limits", check: "open files", status: "warning", fix: ["ulimit -Hn 1048576"] },
  ],
  [
    "few processes",
    { limits: { pidMax: 4096 } },
    { group: "limits", check: "processes", status: "warning", fix: ["sysctl -w kernel.pid_max=4194304"] },
  ],
  [
    "few keys",
    { limits: { rootKeys: 200 } },
    {
      group: "limits",
      check: "keys",
      status: "warning",
      fix: ["sysctl -w kernel.keys.root_maxkeys=1000000"],
    },
  ],
  [
    "a full table of tracked connections",
    { limits: { connections: { count: 65_000, max: 65_536 } } },
    {
      group: "limits",
      check: "tracked connections",
      status: "warning",
      fix: ["sysctl -w net.netfilter.nf_conntrack_max=262144"],
    },
  ],
  [
    "no nf_tables",
    { firewall: { nfTables: "refused" } },
    { group: "firewall", check: "nf_tables", status: "missing", affects: "published ports" },
  ],
  [
    "nf_tables that nothing has needed yet",
    { firewall: { nfTables: "unloaded" } },
    { group: "firewall", check: "nf_tables", status: "info", fix: ["modprobe nf_tables"] },
  ],
  [
    "a feature of overlay, which is not loaded",
    withFeature("lowerdir+", { isPresent: undefined, unloaded: "overlay" }),
    { group: "kernel", check: "lowerdir+", status: "info", found: "not tested: overlay is not loaded" },
  ],
  [
    "forwarding that is off while the daemon serves",
    { firewall: { forwards: false } },
    { group: "firewall", check: "ip_forward", status: "warning", fix: ["sysctl -w net.ipv4.ip_forward=1"] },
  ],
  [
    "forwarding that is off, and no daemon",
    { firewall: { forwards: false }, daemon: { state: "absent", hasService: false }, hasSystemd: false },
    { group: "firewall", check: "ip_forward", status: "info" },
  ],
  [
    "Docker's policy of FORWARD",
    {
      firewall: {
        shutChains: [{ chainName: "ip filter FORWARD", direction: "outwards" }],
        managers: ["docker"],
      },
    },
    {
      group: "firewall",
      check: "forward chain ip filter FORWARD",
      status: "warning",
      affects: "containers reach no other host",
      fix: ["iptables -I DOCKER-USER -i tr-+ -j ACCEPT", "iptables -I DOCKER-USER -o tr-+ -j ACCEPT"],
    },
  ],
  [
    "firewalld's policy",
    { firewall: { shutChains: [{ chainName: "inet firewalld filter_FORWARD", direction: "outwards" }] } },
    {
      group: "firewall",
      check: "forward chain inet firewalld filter_FORWARD",
      status: "warning",
      fix: ["firewall-cmd --permanent --zone=trusted --add-interface=tr-+", "firewall-cmd --reload"],
    },
  ],
  [
    "a chain of the administrator's that parts containers",
    { firewall: { shutChains: [{ chainName: "inet fw forward", direction: "within" }] } },
    {
      group: "firewall",
      check: "forward chain inet fw forward within networks",
      status: "warning",
      fix: [`nft insert rule inet fw forward iifname '"tr-*"' accept`],
    },
  ],
  [
    "tables of iptables-legacy",
    { firewall: { legacyTables: ["filter", "nat"] } },
    { group: "firewall", check: "iptables-legacy", status: "warning" },
  ],
  [
    "a data root in memory",
    { disk: { type: "tmpfs" } },
    { group: "disk", check: "file system", status: "warning", affects: "lost at a reboot" },
  ],
  [
    "a data root on NFS",
    { disk: { type: "nfs4" } },
    { group: "disk", check: "file system", status: "warning", affects: "overlay" },
  ],
  [
    "a data root that is mounted nosuid and nodev",
    { disk: { options: ["rw", "nosuid", "nodev"] } },
    {
      group: "disk",
      check: "mount flags",
      status: "warning",
      affects: "set-user-ID programs in volumes",
      fix: ["mount -o remount,suid,dev /var"],
    },
  ],
  [
    "no place for the addon",
    {
      disk: {
        options: ["rw", "noexec"],
        run: { lookedAt: "/run", type: "tmpfs", options: ["rw", "noexec"] },
      },
    },
    { group: "disk", check: "mount flags", status: "missing", fix: ["mount -o remount,exec /var"] },
  ],
  [
    "a read-only data root",
    { disk: { options: ["ro"] } },
    { group: "disk", check: "mount flags", status: "missing", fix: ["mount -o remount,rw /var"] },
  ],
  [
    "little space",
    { disk: { freeBytes: 500e6 } },
    { group: "disk", check: "space", status: "warning", fix: ["tare system prune"] },
  ],
  ["no inodes", { disk: { freeInodes: 0 } }, { group: "disk", check: "inodes", status: "missing" }],
  [
    "a file system without types of entries",
    {
      disk: {
        type: "xfs",
        features: { entryTypes: false, userXattr: true, reflink: true, projectQuota: true },
      },
    },
    { group: "disk", check: "d_type", status: "missing", affects: "overlay" },
  ],
  [
    "no project quotas on ext4",
    { disk: { features: { entryTypes: true, userXattr: true, reflink: true, projectQuota: false } } },
    {
      group: "disk",
      check: "project quota",
      status: "info",
      affects: "--storage-opt size",
      fix: [
        "umount /var",
        "tune2fs -O quota,project -Q prjquota /dev/sda2",
        "mount -o prjquota /dev/sda2 /var",
      ],
    },
  ],
  [
    "a read-only run root",
    { disk: { run: { lookedAt: "/run", type: "tmpfs", options: ["ro"] } } },
    { group: "disk", check: "run root", status: "missing", fix: ["mount -o remount,rw /run"] },
  ],
  [
    "a clock of 1970",
    { clock: { nowMs: 5e6, newestRecordMs: undefined } },
    { group: "clock", check: "date", status: "warning", affects: "certificates" },
  ],
  [
    "a clock that nobody keeps, on Arch",
    { ...on("arch"), hasSystemd: false, clock: { isSynchronized: false } },
    {
      group: "clock",
      check: "synchronization",
      status: "info",
      fix: ["pacman -S --needed chrony", "chronyd"],
    },
  ],
  [
    "a clock that was set back",
    { clock: { newestRecordMs: Date.UTC(2026, 11, 2, 3) } },
    { group: "clock", check: "records", status: "warning", found: "newer than the clock by 3 h" },
  ],
  [
    "a clock that was set since boot",
    { clock: { setByMs: 90_000 } },
    { group: "clock", check: "jump", status: "info", found: "set forward by 90 s since boot" },
  ],
  ["a slow clock", { clock: { source: "acpi_pm" } }, { group: "clock", check: "source", status: "info" }],
  [
    "a name server on loopback only",
    { resolver: { servers: ["127.0.0.1"], upstreams: ["127.0.0.1"] } },
    { group: "resolver", check: "name servers", status: "info", found: "only on this host: 127.0.0.1" },
  ],
  [
    "no name server",
    { resolver: { servers: [], upstreams: [] } },
    { group: "resolver", check: "name servers", status: "warning" },
  ],
  [
    "AppArmor without its parser",
    withoutProgram("apparmor_parser"),
    {
      group: "programs",
      check: "apparmor_parser",
      status: "warning",
      affects: "without an AppArmor profile",
      fix: ["apt-get install -y apparmor"],
    },
  ],
  [
    "a program whose package has another name in Fedora",
    { ...on("fedora"), ...withoutProgram("thin_repair") },
    {
      group: "programs",
      check: "thin_repair",
      status: "info",
      fix: ["dnf install -y device-mapper-persistent-data"],
    },
  ],
  [
    "a program on an unknown distribution",
    { ...on("plan9"), ...withoutProgram("mkfs.ext4") },
    { group: "programs", check: "mkfs.ext4", status: "info", fix: [] },
  ],
  [
    "a CDI specification with a mistake",
    {
      cdi: {
        devices: ["a.com/b=c"],
        problems: [{ path: "/etc/cdi/a.json", problem: "kind: want VENDOR/CLASS" }],
      },
    },
    {
      group: "daemon",
      check: "CDI devices",
      status: "warning",
      found: "/etc/cdi/a.json: kind: want VENDOR/CLASS",
      affects: "other files are used",
    },
  ],
  [
    "a daemon of another build",
    { daemon: { version: "0.2.0", buildId: "ffffffffffff" } },
    { group: "daemon", check: "version", status: "warning", fix: ["systemctl restart tare"] },
  ],
  [
    "a daemon that does not answer",
    { daemon: { state: "silent" } },
    { group: "daemon", check: "reachable", status: "missing", fix: ["systemctl restart tare"] },
  ],
  [
    "another engine",
    { daemon: { state: "foreign" } },
    { group: "daemon", check: "reachable", status: "info", fix: ["unset TARE_HOST DOCKER_HOST"] },
  ],
  [
    "a file system without idmapped mounts",
    { disk: { type: "zfs" } },
    { group: "disk", check: "idmapped mounts", status: "info", affects: "--userns" },
  ],
  [
    "a service that is stopped",
    { daemon: { state: "refused" } },
    { group: "daemon", check: "reachable", status: "warning", fix: ["systemctl start tare"] },
  ],
  [
    "a socket that is open to all",
    { daemon: { socketMode: 0o666 } },
    { group: "daemon", check: "socket", status: "warning", fix: ["chmod o= /run/tare/tare.sock"] },
  ],
  [
    "no service",
    { daemon: { hasService: false } },
    { group: "daemon", check: "service", status: "info", fix: ["tare system install"] },
  ],
];

describe("findHostFaults()", () => {
  test.each(cases)("findHostFaults() reports %s", (_, changes, wanted) => {
    const findings = findHostFaults(hostWith(changes));
    const { group, check, status, fix } = wanted;
    const found = findings.find((finding) => finding.group === group && finding.check === check);
    expect(found).toMatchObject({ group, check, status, ...(fix === undefined ? {} : { fix }) });
    expect(found?.found).toContain(wanted.found ?? "");
    expect(found?.affects ?? "").toContain(wanted.affects ?? "");
    // No other warning follows from the same fact, but that an old kernel lacks idmapped layers.
    const faults = findings.filter(
      (finding) =>
        ["warning", "missing"].includes(finding.status) &&
        finding.check !== check &&
        finding.check !== "idmapped mounts",
    );
    expect(faults.map((each) => each.check)).toEqual([]);
  });

  test("findHostFaults() gives each check of a group one name", () => {
    for (const [, changes] of cases) {
      const names = findHostFaults(hostWith(changes)).map(({ group, check }) => `${group} ${check}`);
      expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
    }
  });

  test("findHostFaults() says what an ordinary user cannot see, and puts sudo before commands of root", () => {
    const findings = findHostFaults(
      hostWith({
        privileges: { uid: 1000, lacking: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"] },
        firewall: { nfTables: undefined, shutChains: undefined, legacyTables: undefined, forwards: false },
        disk: { features: undefined },
        limits: { pidMax: 100 },
        daemon: { state: "denied", isInGroup: false },
        ...withFeature("lowerdir+", { isPresent: undefined }),
      }),
    );
    const hidden = findings.filter(({ found }) => found === "not visible to this user");
    expect(hidden.map(({ check }) => check)).toEqual([
      "lowerdir+",
      "nf_tables",
      "forward chains",
      "iptables-legacy",
      "features",
    ]);
    expect(findings.some(({ status }) => status === "missing")).toBe(false);
    const fixOf = (name: string): readonly string[] =>
      findings.find(({ check }) => check === name)?.fix ?? [];
    expect(fixOf("processes")).toEqual(["sudo sysctl -w kernel.pid_max=4194304"]);
    expect(fixOf("privileges")).toEqual(["sudo tare doctor"]);
    expect(fixOf("group")).toEqual(["sudo usermod -aG tare $USER", "newgrp tare"]);
  });
});
