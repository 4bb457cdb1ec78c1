import { realpathSync } from "node:fs";
import { within } from "../base/failure.ts";
import type { CgroupLayout } from "../linux/cgroup/layout.ts";
import { planCgroupMounts } from "../linux/cgroup/mounts.ts";
import { MOUNT_ATTR_RDONLY } from "../linux/constants/mount.ts";
import { type Fd, OwnedFd } from "../linux/kernel/fd.ts";
import { cloneTree, setMountAttributes } from "../linux/mount/mount.ts";
import { parseMountOptions } from "../linux/mount/mount-options.ts";
import { statFd } from "../linux/files/stat.ts";
import type { IdMaps } from "../spec/id-map.ts";
import { memoryFile, systemdCgroups, type RuntimeDevice, type RuntimeMount } from "../spec/runtime-config.ts";
import { makeDeviceDirectory } from "./device-directory.ts";
import { idmapDepth } from "./idmapped-mounts.ts";
import type { Inheritance } from "./keeper/inheritance.ts";
import type { PlannedMount } from "./plan/mounts.ts";

export interface PreparedMounts {
  readonly mounts: readonly PlannedMount[];
  /** Directories whose mount gets these attributes at last. */
  readonly seals: readonly { readonly target: string; readonly attributes: number }[];
}

export interface PrepareOptions {
  readonly layout: CgroupLayout;
  /** The container's cgroup, below each hierarchy's mount. */
  readonly cgroupPath: string;
  readonly cgroupNamespace: "private" | "host";
  /** See StartOptions.bindSources. */
  readonly sources?: ReadonlyMap<string, Fd> | undefined;
  /** See StartOptions.ownTrees. */
  readonly ownTrees?: ReadonlySet<string> | undefined;
  readonly inheritance: Inheritance;
  /** User namespaces of idmapped mounts. */
  readonly idmaps: ReadonlyMap<RuntimeMount, Fd>;
  /** With a user namespace, /dev is made here. */
  readonly idMaps?: IdMaps | undefined;
  readonly devices: readonly RuntimeDevice[];
  /** Takes the clones that are made here: they are closed when the keeper has its copies. */
  readonly opened: DisposableStack;
}

/** Opens what has to be opened in the engine's process, and turns the rest into data for the plan. */
export function prepareMounts(mounts: readonly RuntimeMount[], options: PrepareOptions): PreparedMounts {
  const planned: PlannedMount[] = [];
  const seals: { target: string; attributes: number }[] = [];
  for (const mount of mounts) {
    if (mount.type === "cgroup") addCgroup(mount, options, planned, seals);
    else if (mount.type === memoryFile)
      planned.push({ kind: "file", destination: mount.destination, name: mount.source ?? "" });
    else if (isBind(mount)) planned.push(bind(mount, options));
    else if (options.idMaps !== undefined && isDevices(mount))
      planned.push(devices(mount, { ...options, maps: options.idMaps }));
    else planned.push(filesystem(mount));
  }
  return { mounts: planned, seals };
}

function isBind(mount: RuntimeMount): boolean {
  return mount.type === "bind" || (mount.options ?? []).some((word) => word === "bind" || word === "rbind");
}

function filesystem(mount: RuntimeMount): PlannedMount {
  const { attributes, parameters, propagation } = parseMountOptions(mount.options ?? []);
  const type = mount.type ?? "tmpfs";
  // devpts of its own is the only kind since 4.7; the word is an error for fsconfig.
  const known = parameters.filter(([key]) => !(type === "devpts" && key === "newinstance"));
  return {
    kind: "filesystem",
    destination: mount.destination,
    type,
    attributes,
    propagation: propagation?.type,
    // The first column of mount tables and df(1).
    parameters: [
      ["source", mount.source ?? type],
      ...known.map(([key, value]): readonly [string, string?] =>
        value === true ? [key] : [key, String(value)],
      ),
    ],
  };
}

/** The mount that a container finds its devices in. */
export function isDevices({ type, destination }: RuntimeMount): boolean {
  return type === "tmpfs" && destination.replace(/\/+$/, "") === "/dev";
}

function devices(mount: RuntimeMount, options: PrepareOptions & { readonly maps: IdMaps }): PlannedMount {
  const made = options.opened.use(makeDeviceDirectory(mount, options));
  const fd = options.inheritance.add(made.fd);
  return { kind: "tree", destination: mount.destination, fd, directory: true, isDevices: true };
}

/**
 * SAFETY: the owner of the host chose the path; it is followed once, here, and used by descriptor from then on. "rro"
 * makes the whole tree read-only, "ro" the topmost mount, as the specification requires.
 */
function bind(mount: RuntimeMount, options: PrepareOptions): PlannedMount {
  const { source = "", destination, options: words = [] } = mount;
  const { attributes: asked, propagation } = parseMountOptions(words.filter((word) => word !== "rro"));
  const attributes = asked & ~MOUNT_ATTR_RDONLY;
  const recursive = !words.includes("bind") || words.includes("rbind");
  try {
    const shared = propagation !== undefined && propagation.type !== "private";
    const opened = options.sources?.get(destination);
    const clone = { recursive, propagation: shared ? "keep" : "private" } as const;
    const tree: { readonly fd: Fd } =
      opened !== undefined && options.ownTrees?.has(destination) === true
        ? { fd: opened }
        : options.opened.use(opened === undefined ? clonePath(source, clone) : cloneTree(opened, clone));
    if (propagation !== undefined && shared && propagation.type !== "shared") {
      setMountAttributes(tree.fd, { propagation: propagation.type, recursive: propagation.recursive });
    }
    if (attributes !== 0) setMountAttributes(tree.fd, { set: attributes, recursive });
    if (words.includes("rro")) setMountAttributes(tree.fd, { set: MOUNT_ATTR_RDONLY, recursive: true });
    else if (asked !== attributes) setMountAttributes(tree.fd, { set: MOUNT_ATTR_RDONLY });
    const usernsFd = options.idmaps.get(mount);
    if (usernsFd !== undefined)
      setMountAttributes(tree.fd, { usernsFd, recursive: recursive && idmapDepth(mount) === "all" });
    const directory = statFd(tree.fd).kind === "directory";
    return { kind: "tree", destination, fd: options.inheritance.add(tree.fd), directory };
  } catch (thrown) {
    throw within(`cannot bind "${source}" to "${destination}"`, thrown);
  }
}

/** As cloneTree(), which follows no link at a path's end: where one is there it is followed by name. */
function clonePath(path: string, options: Parameters<typeof cloneTree>[1]): OwnedFd {
  try {
    using tree = cloneTree(path, options);
    if (statFd(tree.fd).kind !== "symlink") return new OwnedFd(tree.move());
  } catch {
    // The error names the path that it leads to.
  }
  return cloneTree(realpathSync(path), options);
}

function addCgroup(
  mount: RuntimeMount,
  options: PrepareOptions,
  planned: PlannedMount[],
  seals: { target: string; attributes: number }[],
): void {
  const words = mount.options ?? [];
  const steps = planCgroupMounts(options.layout, {
    namespace: options.cgroupNamespace,
    path: options.cgroupPath,
    writable: words.includes(systemdCgroups) ? "systemd" : !words.includes("ro"),
    target: mount.destination,
  });
  for (const step of steps) {
    switch (step.kind) {
      case "filesystem":
        planned.push({
          kind: "filesystem",
          destination: step.target,
          type: step.type,
          attributes: step.attributes,
          parameters: step.parameters.map(([key, value]) => (value === true ? [key] : [key, String(value)])),
        });
        break;
      case "bind": {
        const bound = bind({ source: step.source, destination: step.target, options: ["bind"] }, options);
        planned.push(bound);
        seals.push({ target: step.target, attributes: step.attributes });
        break;
      }
      case "symlink":
        planned.push({ kind: "link", destination: step.path, target: step.to });
        break;
      case "seal":
        seals.push(step);
        break;
      default:
        step satisfies never;
    }
  }
}
