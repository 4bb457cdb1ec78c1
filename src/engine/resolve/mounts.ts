import { defaultTmpfsOptions, parseTmpfsOptions } from "../../linux/mount/mount-options.ts";
import type { IdMaps } from "../../spec/id-map.ts";
import {
  memoryFile,
  systemdCgroups,
  type RuntimeMount,
  type RuntimeNamespaceType,
} from "../../spec/runtime-config.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerMount, TmpfsMount, VolumeMount } from "../../model/mounts.ts";
import { cleanPath, isWithin } from "./clean-path.ts";
import { quote, refuse } from "./refusal.ts";
import type { SecretFile } from "./secrets.ts";

/** Docker's size of /dev/shm. */
export const defaultShmBytes: number = 64 * 1024 * 1024;

/** Files of /proc that programs such as lxcfs may stand in for; the list is runc's. */
const replaceable: ReadonlySet<string> = new Set(
  "cpuinfo diskstats loadavg meminfo slabinfo stat swaps uptime net/dev sys/kernel/ns_last_pid sys/crypto/fips_enabled"
    .split(" ")
    .map((name) => `/proc/${name}`),
);

/** The caller's mounts with clean targets. Throws "invalid" for those that can't or mustn't be. */
export function checkMounts(asked: readonly ContainerMount[] = []): readonly ContainerMount[] {
  const seen = new Set<string>();
  return asked.map((mount) => {
    if (mount.target.includes("\0") || !mount.target.startsWith("/")) {
      throw refuse(`invalid mount path: ${quote(mount.target)}: mount path must be absolute`);
    }
    const target = cleanPath(mount.target);
    if (target === "/") throw refuse("invalid mount: destination can't be '/'");
    if (seen.has(target)) throw refuse(`duplicate mount point: ${target}`);
    seen.add(target);
    checkKernelPaths(mount, target);
    if (mount.kind === "tmpfs") tmpfsOptions(mount);
    else if (mount.kind === "bind") checkSource(mount.source);
    else if (mount.kind === "image") checkSubpath(mount.subpath, "image");
    else checkVolume(mount);
    return { ...mount, target };
  });
}

function checkVolume({ subpath, name, anonymous = name === undefined }: VolumeMount): void {
  if (subpath === undefined || subpath === "") return;
  if (anonymous) throw refuse("must not set Subpath when using anonymous volumes");
  checkSubpath(subpath, "volume");
}

function checkSubpath(subpath: string | undefined, within: "volume" | "image"): void {
  if (subpath === undefined) return;
  const isLocal =
    !subpath.startsWith("/") && !subpath.includes("\0") && !/(?:^|\/)\.\.(?:\/|$)/.test(subpath);
  if (!isLocal)
    throw refuse(`invalid subpath ${quote(subpath)}: it must be a relative path within the ${within}`);
}

function checkSource(source: string): void {
  if (!source.startsWith("/") || source.includes("\0")) {
    throw refuse(`invalid mount source: ${quote(source)}: it must be an absolute path`);
  }
}

/** SAFETY: a volume over /proc or /sys would take the masks and the kernel's own files away (runc 2019-16884). */
function checkKernelPaths(mount: ContainerMount, target: string): void {
  if (target === "/sys" && mount.kind === "bind" && cleanPath(mount.source) === "/sys") return;
  if (isWithin(target, "/proc") && !replaceable.has(target)) {
    throw refuse(`${target} cannot be mounted because it is inside /proc`);
  }
  if (target === "/sys") throw refuse("/sys cannot be covered by a mount");
}

/** Docker's defaults, then the caller's, of which the later win. Throws "invalid" for an option that tmpfs hasn't. */
function tmpfsOptions({ options: text = "", readonly = false }: TmpfsMount): readonly string[] {
  const options = `${defaultTmpfsOptions},${text}${readonly ? ",ro" : ""}`;
  parseTmpfsOptions(options);
  return options.split(",").filter((option) => option !== "");
}

export interface MountPlanInput {
  readonly privileged: boolean;
  /**
   * "systemd": what systemd manages itself is writable, limits of v1 are not. Default "writable" for a privileged one.
   */
  readonly cgroups?: "writable" | "readonly" | "systemd" | "absent" | undefined;
  /** Device nodes of images, volumes and binds (but those of /dev) can't be opened. */
  readonly nodev?: boolean | undefined;
  /** Absent: no /dev/shm. */
  readonly shmBytes?: number | undefined;
  /** Files made for the container, by target: hosts, hostname, resolv.conf. */
  readonly files: Readonly<Record<string, string>>;
  /** The root file system is read-only, and so are these files. */
  readonly readOnlyRoot?: boolean | undefined;
  /** The sources of volumes are not paths: the runtime gets descriptors of them. */
  readonly mounts: readonly ContainerMount[];
  /** Each is a file of StartOptions.memoryFiles, by its place in this list. */
  readonly secrets?: readonly Pick<SecretFile, "target">[] | undefined;
  /** Those of devices: they replace other mounts with the same targets. */
  readonly injected?: readonly RuntimeMount[] | undefined;
  /**
   * Owners of binds with `idmap`, by target: from the ids on their file systems to the host's of the container's user.
   */
  readonly idmaps?: ReadonlyMap<string, IdMaps> | undefined;
  /** "container" or "host": /dev/shm is shared, by this path on the host. */
  readonly sharedShm?: string | undefined;
  readonly sharedMqueue?: boolean | undefined;
  /** Whether there is a group 5 ("tty"), which a user namespace may lack. */
  readonly hasTerminalGroup?: boolean | undefined;
  /** With a user namespace: which namespaces are not its own. */
  readonly foreign?: readonly RuntimeNamespaceType[] | undefined;
}

/**
 * All mounts in the order in which they are made: the kernel's, then the caller's and the files from outside to inside,
 * so that a volume on /etc does not hide a file. A mount of the caller replaces the one of ours with the same target.
 */
export function resolveMounts(input: MountPlanInput): readonly RuntimeMount[] {
  const asked = input.mounts.map((mount) =>
    withoutDevices(
      runtimeMount(mount, {
        isForeign: input.foreign !== undefined,
        maps: input.idmaps?.get(mount.target),
      }),
      input,
    ),
  );
  const secrets = (input.secrets ?? []).map(
    ({ target }, at): RuntimeMount => ({ destination: target, type: memoryFile, source: String(at) }),
  );
  const injected = (input.injected ?? []).map((mount) => withoutDevices(mount, input));
  const covered = new Set(injected.map((mount) => mount.destination));
  const own = [...[...asked, ...secrets].filter(({ destination }) => !covered.has(destination)), ...injected];
  const taken = new Set(own.map((mount) => mount.destination));
  const isFree = ({ destination }: RuntimeMount): boolean => !taken.has(destination);
  const access = input.readOnlyRoot === true ? "ro" : "rw";
  const files = Object.entries(input.files).map(([target, source]) =>
    bind(target, source, [access, "rprivate"]),
  );
  const inOrder = [...files.filter(isFree), ...own].sort(
    (one, other) => depth(one.destination) - depth(other.destination),
  );
  return [...defaultMounts(input).filter(isFree), ...inOrder];
}

const cgroupWords = { writable: ["rw"], readonly: ["ro"], systemd: ["ro", systemdCgroups] } as const;

function defaultMounts({
  privileged,
  cgroups = privileged ? "writable" : "readonly",
  shmBytes,
  sharedShm,
  foreign = [],
  hasTerminalGroup = true,
}: MountPlanInput): readonly RuntimeMount[] {
  const access = privileged ? "rw" : "ro";
  const quiet = ["nosuid", "noexec", "nodev"];
  return [
    // KERNEL: mounting procfs and sysfs requires rights over the pid or network namespace that they show.
    foreign.includes("pid")
      ? bind("/proc", "/proc", [...quiet, "rprivate"])
      : { destination: "/proc", type: "proc", source: "proc", options: quiet },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=0755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "ptmxmode=0666", "mode=0620", ...(hasTerminalGroup ? ["gid=5"] : [])],
    },
    foreign.includes("network")
      ? bind("/sys", "/sys", [...quiet, "ro", "rprivate"])
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...quiet, access] },
    ...(cgroups === "absent"
      ? []
      : [
          foreign.includes("cgroup")
            ? bind("/sys/fs/cgroup", "/sys/fs/cgroup", [...quiet, "ro", "rprivate"])
            : {
                destination: "/sys/fs/cgroup",
                type: "cgroup",
                source: "cgroup",
                options: [...cgroupWords[cgroups], ...quiet],
              },
        ]),
    ...(foreign.includes("ipc")
      ? []
      : [{ destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: quiet }]),
    ...(sharedShm !== undefined
      ? [bind("/dev/shm", sharedShm, [...quiet, "rw", "rprivate"])]
      : shmBytes === undefined
        ? []
        : [{ destination: "/dev/shm", type: "tmpfs", source: "shm", options: shmOptions(shmBytes) }]),
  ];
}

function withoutDevices(mount: RuntimeMount, { nodev = false }: MountPlanInput): RuntimeMount {
  if (!nodev || mount.type !== "bind" || isWithin(cleanPath(mount.source ?? ""), "/dev")) return mount;
  return { ...mount, options: [...(mount.options ?? []), "nodev"] };
}

/** Of a /dev/shm. */
export function shmOptions(bytes: number): readonly string[] {
  return ["nosuid", "noexec", "nodev", "mode=1777", `size=${bytes}`];
}

function bind(destination: string, source: string, options: readonly string[]): RuntimeMount {
  return { destination, type: "bind", source, options: ["rbind", ...options] };
}

function runtimeMount(
  mount: ContainerMount,
  { isForeign, maps }: { readonly isForeign: boolean; readonly maps: IdMaps | undefined },
): RuntimeMount {
  const { target: destination, readonly = false } = mount;
  switch (mount.kind) {
    case "image": // Its view has the container's ids already.
      return bind(destination, mount.image, ["rro", "rprivate"]);
    case "tmpfs":
      return { destination, type: "tmpfs", source: "tmpfs", options: tmpfsOptions(mount) };
    case "volume":
      return bind(destination, mount.name ?? "", [
        readonly ? "rro" : "rw",
        "rprivate",
        // On the disk a volume's files have the container's ids, whichever those are on the host.
        ...(isForeign ? ["idmap"] : []),
      ]);
    case "bind": {
      const { source, propagation = "rprivate", recursive = true, readonlyBelow = true } = mount;
      // "rro" is the specification's word for a whole tree of mounts, "ro" for the topmost alone.
      const access = !readonly ? "rw" : recursive && readonlyBelow ? "rro" : "ro";
      const options = [recursive ? "rbind" : "bind", access, propagation];
      if (maps === undefined) return { destination, type: "bind", source, options };
      const mappings = { uidMappings: maps.uids, gidMappings: maps.gids };
      return { destination, type: "bind", source, options: [...options, "idmap"], ...mappings };
    }
    default:
      return mount satisfies never;
  }
}

function depth(path: string): number {
  return path.split("/").length;
}

/**
 * All that a new container has mounted: what the caller asks for, then what other containers have, then anonymous
 * volumes for the paths that are left. Throws "invalid" for what can't be a target.
 */
export function resolveAllMounts(
  { storage: { mounts, volumes = [], imageVolumes } = {} }: Pick<ContainerSpec, "storage">,
  {
    image,
    inherited,
  }: { readonly image: readonly string[]; readonly inherited: readonly (readonly ContainerMount[])[] },
): readonly ContainerMount[] {
  const all = new Map<string, ContainerMount>();
  // Of several containers the last one counts, and the caller's own word before all of theirs.
  for (const mount of [...inherited.flat(), ...checkMounts(mounts)]) all.set(mount.target, mount);
  for (const path of volumes) addVolume(all, path, { problem: `invalid volume ${quote(path)}` });
  for (const path of imageVolumes === "ignore" ? [] : image) {
    addVolume(all, path, {
      problem: `the image has an invalid volume ${quote(path)}`,
      kind: imageVolumes === "tmpfs" ? "tmpfs" : undefined,
    });
  }
  return [...all.values()];
}

function addVolume(
  all: Map<string, ContainerMount>,
  path: string,
  { problem, kind = "volume" }: { readonly problem: string; readonly kind?: "volume" | "tmpfs" | undefined },
): void {
  const target = cleanPath(path);
  if (target === "/" || path.includes("\0")) throw refuse(problem);
  if (["/proc", "/sys", "/dev"].some((kernel) => isWithin(target, kernel))) {
    throw refuse(`${problem}: it is inside a kernel file system`);
  }
  if (all.has(target)) return;
  // A tmpfs in a volume's place is for every user, as /tmp is.
  all.set(
    target,
    kind === "tmpfs" ? { kind, target, options: "mode=1777" } : { kind, target, anonymous: true },
  );
}
