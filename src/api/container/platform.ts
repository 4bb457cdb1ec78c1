import { parseByteSize } from "../../base/byte-size.ts";
import { Failure } from "../../base/failure.ts";
import type { HostConfig } from "../types/host-config.ts";

const runtimes: ReadonlySet<string> = new Set(["", "tare", "runc", "io.containerd.runc.v2"]);

/**
 * Refuses, in Docker's words, what can't be on this platform: isolation technologies and runtimes that are not there.
 * Limits of Windows are taken and change nothing, as with Docker.
 */
export function checkPlatform({ Isolation = "", Runtime = "" }: HostConfig): void {
  if (!["", "default"].includes(Isolation.toLowerCase())) {
    throw new Failure(
      "invalid",
      `invalid isolation: "${Isolation.slice(0, 50)}" - linux only supports 'default'`,
    );
  }
  if (!runtimes.has(Runtime)) {
    throw new Failure("invalid", `unknown or invalid runtime name: ${Runtime.slice(0, 50)}`);
  }
}

/**
 * Bytes of `size`, the one option of a container that a storage driver takes. Throws "invalid" for others, as Docker
 * does.
 */
export function parseStorageSize(options: HostConfig["StorageOpt"]): number | undefined {
  let bytes: number | undefined;
  for (const [name, value] of Object.entries(options ?? {})) {
    if (name.toLowerCase() !== "size") {
      throw new Failure("invalid", `Unknown option ${name.slice(0, 50)}: --storage-opt takes size=BYTES`);
    }
    bytes = parseByteSize(value);
    if (bytes === 0) throw new Failure("invalid", "the size of --storage-opt must be more than 0");
  }
  return bytes;
}
