import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, codeDetails, Failure } from "../../base/failure.ts";
import type { RuntimeDevice } from "../../spec/runtime-config.ts";
import type { HostDevice } from "../dependencies.ts";

/** Directories and names of /dev that belong to the host's own terminals and mounts, not to a container. */
const left: ReadonlySet<string> = new Set([
  "pts",
  "shm",
  "fd",
  "mqueue",
  "console",
  ".lxc",
  ".lxd-mounts",
  ".udev",
]);

/** All device nodes below `directory`, for a privileged container. */
export function listHostDevices(directory = "/dev"): readonly RuntimeDevice[] {
  return listNodes(directory, left);
}

/**
 * The nodes that a path of the host stands for: itself, or all below a directory; links in the path are followed, those
 * in the directory are not. Throws "invalid" in Docker's words where there is none.
 */
export function findHostDevices(path: string): readonly HostDevice[] {
  try {
    const resolved = realpathSync(path);
    const status = lstatSync(resolved);
    const node = nodeOf(resolved, status);
    if (node !== undefined) return [{ node, below: "" }];
    const nodes = status.isDirectory() ? listNodes(resolved, new Set()) : [];
    if (nodes.length > 0)
      return nodes.map((found) => ({ node: found, below: found.path.slice(resolved.length) }));
  } catch (cause) {
    const code = codeOf(cause);
    throw refused(path, code === "ENOENT" ? "no such file or directory" : String(code), cause);
  }
  throw refused(path, "not a device node");
}

/** The block device that a path of the host stands for, through links. Throws "invalid" in one sentence. */
export function findBlockDevice(path: string): { readonly major: number; readonly minor: number } {
  let status: Stats;
  try {
    status = statSync(path);
  } catch (cause) {
    const code = codeOf(cause);
    const why = code === "ENOENT" ? "no such file or directory" : String(code);
    throw new Failure("invalid", `cannot limit block device "${path.slice(0, 200)}": ${why}`, {
      cause,
      details: codeDetails(cause),
    });
  }
  const node = status.isBlockDevice() ? nodeOf(path, status) : undefined;
  if (node === undefined) {
    throw new Failure(
      "invalid",
      `cannot limit block device "${path.slice(0, 200)}": it is not a block device`,
    );
  }
  return { major: node.major ?? 0, minor: node.minor ?? 0 };
}

function refused(path: string, detail: string, cause?: unknown): Failure {
  const sentence = `error gathering device information while adding custom device ${JSON.stringify(path)}: ${detail}`;
  return new Failure("invalid", sentence, { cause, details: { path, ...codeDetails(cause) } });
}

function listNodes(directory: string, skipped: ReadonlySet<string>): readonly RuntimeDevice[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry): readonly RuntimeDevice[] => {
    const path = join(directory, entry.name);
    if (skipped.has(entry.name)) return [];
    if (entry.isDirectory()) return listNodes(path, skipped);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    const node = nodeOf(path, lstatSync(path));
    return node === undefined ? [] : [node];
  });
}

function nodeOf(path: string, status: Stats): RuntimeDevice | undefined {
  if (!status.isCharacterDevice() && !status.isBlockDevice()) return undefined;
  const { rdev, mode, uid, gid } = status;
  // SPEC: makedev(3), as the kernel encodes it for 64 bits.
  const major = (Math.floor(rdev / 2 ** 32) & ~0xfff) | ((rdev >>> 8) & 0xfff);
  const minor = (Math.floor(rdev / 2 ** 12) & ~0xff) | (rdev & 0xff);
  return { type: status.isBlockDevice() ? "b" : "c", path, major, minor, fileMode: mode & 0o7777, uid, gid };
}
