/** Keys that belong to an IPC namespace, besides all of `fs.mqueue`. */
const ipcKeys: ReadonlySet<string> = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

/** A kernel parameter that a container may set for itself. */
export interface SysctlKey {
  /** The namespace that contains it: a change affects nothing outside. */
  readonly namespace: "ipc" | "network";
  /** The path components below /proc/sys. */
  readonly path: readonly string[];
}

/**
 * A key in either of sysctl(8)'s spellings, `net.ipv4.ip_forward` or `net/ipv4/ip_forward` (where a name holds a dot).
 * Undefined for all that is not of a namespace, and for what is no key at all.
 */
export function parseSysctlKey(key: string): SysctlKey | undefined {
  const separator = /[./]/.exec(key)?.[0];
  if (separator === undefined || key.length > 256) return undefined;
  const path = key.split(separator);
  if (!path.every((part) => /^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$/.test(part))) return undefined;
  const [first, second] = path;
  if (path.length > 2 && first === "fs" && second === "mqueue") return { namespace: "ipc", path };
  if (ipcKeys.has(path.join("."))) return { namespace: "ipc", path };
  return first === "net" ? { namespace: "network", path } : undefined;
}

/** The defaults of every container with its own network namespace: older kernels may lack them. */
export const optionalSysctls: ReadonlySet<string> = new Set([
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
]);

/** Whether there is one that may mean interfaces, or be what they begin with. */
export function areOfInterfaces(sysctls: Readonly<Record<string, string>>): boolean {
  return Object.keys(sysctls).some(
    (key) => parseSysctlKey(key)?.namespace === "network" && !optionalSysctls.has(key),
  );
}
