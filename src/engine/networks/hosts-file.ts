import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { readFileInRoot } from "../../linux/files/open.ts";
import { decodeBytes } from "../../spec/byte-text.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";

const mostBytes = 1024 * 1024;

/** Throws "invalid" or "not-found" for a base of /etc/hosts that can't be read. */
export function checkHostsFile({ network: { hostsFile } = {} }: Pick<ContainerSpec, "network">): void {
  if (hostsFile?.startsWith("/") === true) readHostsFile(hostsFile);
}

/** The configured base of /etc/hosts; undefined without one. `root` is the container's. */
export function readBaseHosts(
  { network: { hostsFile } = {} }: Pick<ContainerSpec, "network">,
  root: Fd,
): string | undefined {
  if (hostsFile === undefined) return undefined;
  if (hostsFile === "none") return "";
  if (hostsFile !== "image") return readHostsFile(hostsFile);
  return decodeBytes(readFileInRoot(root, "etc/hosts", { limit: mostBytes }) ?? new Uint8Array());
}

/** A file of the host's, by its owner's wish: any, but no fifo and no device. */
function readHostsFile(path: string): string {
  const sentence = `cannot read the hosts file ${JSON.stringify(path.slice(0, 300))}`;
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const { size } = fstatSync(fd);
    if (!fstatSync(fd).isFile()) throw new Failure("invalid", `${sentence}: it is not a file`);
    if (size > mostBytes) throw new Failure("invalid", `${sentence}: it is longer than ${mostBytes} bytes`);
    const bytes = Buffer.alloc(size);
    return decodeBytes(bytes.subarray(0, readSync(fd, bytes, 0, size, 0)));
  } catch (thrown) {
    const failure = fileFailure(sentence, thrown);
    // A file that is not there is none of the things that a request can miss.
    throw failure.kind === "not-found"
      ? new Failure("invalid", `${sentence}: no such file`, { cause: thrown })
      : failure;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
