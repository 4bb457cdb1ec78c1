import { Failure, kindOf, sentenceOf, within } from "../../base/failure.ts";
import { MOUNT_ATTR_RDONLY } from "../constants/mount.ts";
import { OwnedFd } from "../kernel/fd.ts";
import {
  createFilesystem,
  type FilesystemParameter,
  type MountKernel,
  reconfigureFilesystem,
} from "./mount.ts";
import { call } from "../kernel/syscall.ts";

/** Directories as one file system. */
export interface AufsBranches {
  /** Paths from the topmost to the lowest, at least one; none has a comma, a colon or an equals sign. */
  readonly branches: readonly string[];
  /** Whether the topmost is written to. */
  readonly isWritable: boolean;
  /** Path of a file that is not there: aufs makes it, and takes its name away at once. Not on NFS. */
  readonly xino: string;
}

/** Requests to the kernel: first a new file system, then changes of it, in this order. */
export interface AufsPlan {
  readonly create: readonly FilesystemParameter[];
  /** Branches below those that there are. */
  readonly append: readonly (readonly FilesystemParameter[])[];
  readonly attributes: number;
}

/**
 * - `dirperm1`: a directory's permissions are those of the topmost branch that has it. Without it, a higher layer or
 *   chmod(2) in a container could not allow what a lower layer of the image forbids.
 * - `udba=none`: only aufs itself writes to a branch.
 * - `noplink`: link(2) of a file of the image copies it, and the upper directory permanently contains both names. With
 *   pseudo-links only memory contains the second name: after the next mount it would be the image's file again, without
 *   later writes.
 * - `dio`: without it every open(2) with O_DIRECT fails.
 * - `acl`: without it POSIX ACLs fail with EOPNOTSUPP.
 * - `nowarn_perm`: the kernel does not log that the permissions of layers' root directories differ.
 * SPEC: aufs(5)
 */
const fixedParameters: readonly FilesystemParameter[] = [
  ["dirperm1", true],
  ["udba", "none"],
  ["noplink", true],
  ["dio", true],
  ["acl", true],
  ["nowarn_perm", true],
];

/**
 * KERNEL: the parameters of one context are kept in a page: as options of 48 bytes, and as text on kernels whose aufs
 * has no contexts.
 */
const mostParameters = 72;
const mostTextBytes = 3900;

/** Pure. */
export function aufsOptions({ branches, isWritable, xino }: AufsBranches): AufsPlan {
  const rights = (index: number): string => (index === 0 && isWritable ? "rw" : "ro+wh");
  const create: FilesystemParameter[] = [
    ...(isWritable ? [] : [["ro", true] as const]),
    ...fixedParameters,
    ["xino", xino],
  ];
  const append: FilesystemParameter[][] = [];
  let context = create;
  for (const [index, path] of branches.entries()) {
    const value = `${path}=${rights(index)}`;
    if (isFull(context, ["append", value])) append.push((context = []));
    context.push([context === create ? "br" : "append", value]);
  }
  return { create, append, attributes: isWritable ? 0 : MOUNT_ATTR_RDONLY };
}

function isFull(context: readonly FilesystemParameter[], next: FilesystemParameter): boolean {
  const bytes = [...context, next].reduce(
    (sum, [key, value]) => sum + key.length + 2 + String(value).length,
    0,
  );
  return context.length >= mostParameters || bytes > mostTextBytes;
}

/** One detached mount of the directories; the caller disposes of it. */
export function mountAufs(
  branches: AufsBranches,
  { kernel = call }: { readonly kernel?: MountKernel | undefined } = {},
): OwnedFd {
  const { create, append, attributes } = aufsOptions(branches);
  try {
    using mount = createFilesystem("aufs", create, { source: "aufs", attributes, kernel });
    for (const parameters of append) reconfigureFilesystem(mount.fd, parameters, { kernel });
    return new OwnedFd(mount.move());
  } catch (thrown) {
    // The kernel reports faults of a branch only in its log.
    if (kindOf(thrown) === "invalid")
      throw new Failure("invalid", `${sentenceOf(thrown)} (see dmesg)`, { cause: thrown });
    throw within(`cannot mount ${branches.branches.length} branches`, thrown);
  }
}

/** How many branches an aufs with this kernel configuration accepts; undefined when it is not in the configuration. */
export function parseBranchLimit(kernelConfig: string): number | undefined {
  const limit = /^CONFIG_AUFS_BRANCH_MAX_(\d+)=y$/m.exec(kernelConfig)?.[1];
  return limit === undefined ? undefined : Number(limit);
}
