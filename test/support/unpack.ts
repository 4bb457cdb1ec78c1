import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { Failure } from "../../src/base/failure.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { unpackLayer } from "../../src/linux/tree/tree.ts";
import type { UnpackOptions, UnpackResult } from "../../src/linux/tree/unpack-options.ts";
import { inChunks } from "./tar-builder.ts";

/** Unpacks an archive into a directory, which is made when missing. */
export async function unpackAt(
  directory: string,
  archive: Uint8Array,
  options: UnpackOptions = {},
): Promise<UnpackResult> {
  mkdirSync(directory, { recursive: true });
  using into = openDirectoryPath(directory);
  return await unpackLayer(inChunks(archive), into.fd, options);
}

/** The failure of an unpacking that must not succeed. */
export async function failureAt(
  directory: string,
  archive: Uint8Array,
  options: UnpackOptions = {},
): Promise<Failure> {
  try {
    await unpackAt(directory, archive, options);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
  throw new Error("the archive was accepted");
}

/** Everything about a tree that an attack could change, a line for each file, in order; names as latin1 bytes. */
export function describeTree(
  directory: string,
  { times = true, links = true }: { readonly times?: boolean; readonly links?: boolean } = {},
): string[] {
  const lines: string[] = [];
  const visit = (path: Buffer, shown: string): void => {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    // Overlay lists a whiteout by name in a directory that no lower layer has, though nothing can be looked up there.
    if (stat === undefined) return;
    const kind = (stat.mode & 0o170000n).toString(8);
    const facts = [shown, kind, (stat.mode & 0o7777n).toString(8), `${stat.uid}:${stat.gid}`];
    if (times) facts.push(String(stat.mtimeNs));
    if (stat.isFile()) facts.push(readFileSync(path).toString("base64"));
    if (stat.isFile() && links) facts.push(`links ${stat.nlink}`);
    if (stat.isSymbolicLink()) facts.push(readlinkSync(path, "latin1"));
    if (stat.isCharacterDevice() || stat.isBlockDevice()) facts.push(String(stat.rdev));
    lines.push(facts.join(" "));
    if (!stat.isDirectory()) return;
    const names = readdirSync(path, { encoding: "buffer" }).map((name) => name as Buffer);
    for (const name of names.sort((one, other) => Buffer.compare(one, other))) {
      visit(Buffer.concat([path, Buffer.from("/"), name]), `${shown}/${name.toString("latin1")}`);
    }
  };
  visit(Buffer.from(directory), ".");
  return lines;
}

export function getXattr(path: string, name: string): string | undefined {
  const script =
    "import os,sys; sys.stdout.buffer.write(os.getxattr(sys.argv[1], sys.argv[2], follow_symlinks=False))";
  const result = spawnSync("python3", ["-c", script, path, name]);
  return result.status === 0 ? result.stdout.toString("latin1") : undefined;
}

/** The files and directories that this process has open; what the runtime opens for its event loop is none. */
export function openDescriptors(): string[] {
  return readdirSync("/proc/self/fd")
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    })
    .filter((target) => target.startsWith("/") && !target.startsWith("/proc/"))
    .sort();
}
