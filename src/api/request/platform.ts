import { Failure } from "../../base/failure.ts";
import type { HostConfig } from "../types/host-config.ts";

const runtimes: ReadonlySet<string> = new Set(["", "tare", "runc", "io.containerd.runc.v2"]);

/**
 * Refuses, in Docker's words, what can't be on this platform: isolation technologies and runtimes that are not there, and
 * sizes of a container, which no storage driver keeps. Limits of Windows are taken and change nothing, as with Docker.
 */
export function checkPlatform({ Isolation = "", Runtime = "", StorageOpt }: HostConfig): void {
  if (!["", "default"].includes(Isolation.toLowerCase())) {
    throw new Failure(
      "invalid",
      `invalid isolation: "${Isolation.slice(0, 50)}" - linux only supports 'default'`,
    );
  }
  if (!runtimes.has(Runtime)) {
    throw new Failure("invalid", `unknown or invalid runtime name: ${Runtime.slice(0, 50)}`);
  }
  const [option] = Object.keys(StorageOpt ?? {});
  if (option !== undefined) {
    throw new Failure(
      "unsupported",
      `--storage-opt ${option.slice(0, 50)} is not supported: the storage driver has no options of a container, nor a limit of its size`,
    );
  }
}
