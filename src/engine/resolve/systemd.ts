import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerMount } from "../../model/mounts.ts";
import { cleanPath } from "./clean-path.ts";
import { refuse } from "./refusal.ts";

/** Environment and mounts for systemd as the first process of a container. */
export interface SystemdMode {
  readonly mounts: readonly ContainerMount[];
  readonly env: readonly string[];
  readonly stopSignal: string;
}

/** Commands for which `systemd: "auto"` means yes: podman's. */
const inits: ReadonlySet<string> = new Set(["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"]);

/** Podman's size of each of these, and their modes. */
const defaultBytes = 64 * 1024 * 1024;
const paths: Readonly<Record<string, string>> = {
  "/run": "755",
  "/run/lock": "1777",
  "/tmp": "1777",
  "/var/log/journal": "755",
};

/** Undefined where the container is as any other. Throws "invalid" for a size that can't be. */
export function resolveSystemd(
  id: string,
  { process: { systemd, systemdTmpfsBytes: bytes = defaultBytes } = {} }: ContainerSpec,
  { args, mounts }: { readonly args: readonly string[]; readonly mounts: readonly ContainerMount[] },
): SystemdMode | undefined {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw refuse(`invalid size of systemd's tmpfs: ${bytes}`);
  const [command = ""] = args;
  const isSystemd = inits.has(command) || command === "systemd" || command.endsWith("/systemd");
  if (systemd === undefined || (systemd === "auto" && !isSystemd)) return undefined;
  const taken = new Set(mounts.map(({ target }) => cleanPath(target)));
  const size = bytes === 0 ? "" : `,size=${bytes}`;
  return {
    mounts: Object.entries(paths)
      .filter(([target]) => !taken.has(target))
      .map(([target, mode]) => ({ kind: "tmpfs", target, options: `exec,mode=${mode}${size}` })),
    // SPEC: systemd.io/CONTAINER_INTERFACE
    env: ["container=tare", `container_uuid=${id.slice(0, 32)}`],
    stopSignal: "SIGRTMIN+3",
  };
}
