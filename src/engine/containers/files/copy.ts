import { readlinkSync } from "node:fs";
import { Failure, within } from "../../../base/failure.ts";
import { fault } from "../../../base/fault.ts";
import { plainTar } from "../../../image/plain-tar.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../../../linux/kernel/fd.ts";
import { filesystemStatus, isKernelFilesystem } from "../../../linux/mount/filesystem-status.ts";
import { openInRoot, readLinkFd } from "../../../linux/files/open.ts";
import { statFd } from "../../../linux/files/stat.ts";
import { isErrno } from "../../../linux/kernel/syscall.ts";
import { packEntry, unpackLayer } from "../../../linux/tree/tree.ts";
import { decodeBytes } from "../../../spec/byte-text.ts";
import { cleanPath } from "../../resolve/clean-path.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { CopiedPath, CopyIntoOptions, PathStat } from "../../../model/files.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import type { ContainerContext } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { getContainer } from "../../find-container.ts";
import { openSeenRoot } from "./open-root.ts";
import { findUser } from "./accounts.ts";
import { planRecord } from "../../plan-record.ts";

/** lstat(2) in the container. */
export async function statContainerPath(
  context: ContainerContext,
  reference: ContainerReference,
  path: string,
): Promise<PathStat> {
  const record = getContainer(context.state, reference);
  using opened = await openSeenRoot(context, record, { readonly: true });
  const target = parseContainerPath(path);
  using entry = openEntry(opened.root.fd, target, record);
  return describe(opened.root.fd, target, entry.fd);
}

/** A file or directory of the container as tar. */
export async function copyFromContainer(
  context: ContainerContext,
  reference: ContainerReference,
  { path, signal }: { readonly path: string; readonly signal?: AbortSignal | undefined },
): Promise<CopiedPath> {
  const record = getContainer(context.state, reference);
  const target = parseContainerPath(path);
  using undo = new DisposableStack();
  const opened = undo.use(await openSeenRoot(context, record, { readonly: true }));
  const entry = undo.use(openEntry(opened.root.fd, target, record));
  refuseKernelFiles(entry.fd, target);
  const stat = describe(opened.root.fd, target, entry.fd);
  const as = target.isContents && target.path !== "/" ? "." : stat.name;
  const archive = packEntry(entry.fd, {
    as,
    mounts: "cross",
    times: "seconds",
    idMaps: record.idMaps,
    signal,
  });
  context.state.events.record(containerEvent(record, "archive-path"));
  const held = undo.move();
  return { stat, archive, [Symbol.dispose]: () => held.dispose() };
}

/** Unpacks a tar into a directory of the container. */
export async function copyIntoContainer(
  context: ContainerContext,
  reference: ContainerReference,
  {
    path,
    archive,
    keepsKinds = false,
    asContainerUser = false,
    signal,
  }: CopyIntoOptions & { readonly path: string; readonly archive: AsyncIterable<Uint8Array> },
): Promise<void> {
  const record = getContainer(context.state, reference);
  const target = parseContainerPath(path);
  using opened = await openSeenRoot(context, record, { readonly: false });
  fault("copy.mounted");
  using directory = openTarget(opened.root.fd, target, record);
  const checkDirectory = (found: Fd): void => {
    refuseKernelFiles(found, target);
    refuseReadOnly(record, { root: opened.root.fd, directory: found });
  };
  checkDirectory(directory.fd);
  await unpackLayer(plainTar(archive), directory.fd, {
    whiteouts: "plain",
    names: "docker",
    // SAFETY: a container may put links in the way; they are resolved in its own root, and where they lead is checked.
    within: { root: opened.root.fd, path: target.path.slice(1) },
    checkDirectory,
    root: "keep",
    existing: keepsKinds ? "same-kind" : "replace",
    owner: asContainerUser ? ownerOf(context, record, opened.root.fd) : undefined,
    idMaps: record.idMaps,
    signal,
  });
  fault("copy.written");
  context.state.events.record(containerEvent(record, "extract-to-dir"));
}

interface ContainerPath {
  /** Absolute and clean: ".." is taken from the text, as Docker does. */
  readonly path: string;
  /** A slash or "/." at its end: a directory is meant, through a link if there is one. */
  readonly isDirectory: boolean;
  /** "/." at its end. */
  readonly isContents: boolean;
}

function parseContainerPath(path: string): ContainerPath {
  if (path === "" || path.includes("\0")) {
    throw new Failure("invalid", "cannot copy: the path is empty or has a NUL byte");
  }
  const isContents = /(?:^|\/)\.$/.test(path);
  return { path: cleanPath(`/${path}`), isDirectory: isContents || path.endsWith("/"), isContents };
}

function openEntry(root: Fd, { path, isDirectory }: ContainerPath, record: ContainerRecord): OwnedFd {
  try {
    return openInRoot(root, path, isDirectory ? O_PATH | O_DIRECTORY : O_PATH | O_NOFOLLOW);
  } catch (thrown) {
    throw describeMissing(thrown, path, record);
  }
}

function openTarget(root: Fd, { path }: ContainerPath, record: ContainerRecord): OwnedFd {
  try {
    return openInRoot(root, path, O_PATH | O_DIRECTORY);
  } catch (thrown) {
    if (isErrno(thrown, "ENOTDIR")) {
      throw new Failure("invalid", "extraction point is not a directory", { cause: thrown });
    }
    throw describeMissing(thrown, path, record);
  }
}

function describeMissing(thrown: unknown, path: string, { id, name }: ContainerRecord): Failure {
  if (isErrno(thrown, "ENOENT")) {
    const sentence = `cannot find the file "${path}" in container "${name}"`;
    return new Failure("not-found", sentence, { cause: thrown, details: { path, container: id } });
  }
  if (isErrno(thrown, "ENOTDIR")) {
    return new Failure("invalid", `cannot use "${path}": not a directory`, { cause: thrown });
  }
  return within(`cannot open "${path}" in container "${name}"`, thrown);
}

/** SAFETY: they would be read and written with the engine's rights, whatever the container may do there. */
function refuseKernelFiles(entry: Fd, { path }: ContainerPath): void {
  if (!isKernelFilesystem(entry)) return;
  throw new Failure("unsupported", `cannot copy "${path}": it lies on one of the kernel's own file systems`);
}

/**
 * In Docker's words. Of a container that does not run the root file system is mounted writable, so its record counts.
 */
function refuseReadOnly(
  { spec }: ContainerRecord,
  { root, directory }: { readonly root: Fd; readonly directory: Fd },
): void {
  const isInRoot = statFd(directory).mountId === statFd(root).mountId;
  if (isInRoot && spec.storage?.readOnlyRoot === true)
    throw new Failure("invalid", "container rootfs is marked read-only");
  if (filesystemStatus(directory).readonly)
    throw new Failure("invalid", "mounted volume is marked read-only");
}

function describe(root: Fd, { path }: ContainerPath, entry: Fd): PathStat {
  const { kind, permissions, size, modified } = statFd(entry);
  const linkTarget = kind === "symlink" ? targetOf(root, path, entry) : "";
  const name = path === "/" ? "/" : path.slice(path.lastIndexOf("/") + 1);
  return { name, kind, permissions, sizeBytes: size, modified, linkTarget };
}

/** Only to be shown or asked for again: nothing is opened by it. */
function targetOf(root: Fd, path: string, link: Fd): string {
  try {
    using target = openInRoot(root, path, O_PATH);
    return readlinkSync(`/proc/self/fd/${target.fd}`);
  } catch {
    const text = decodeBytes(readLinkFd(link));
    return cleanPath(text.startsWith("/") ? text : `${path}/../${text}`);
  }
}

/** Undefined, as in dockerd, when no option sets the user: the archive's owners are kept. */
function ownerOf(
  context: ContainerContext,
  record: ContainerRecord,
  root: Fd,
): { readonly uid: number; readonly gid: number } | undefined {
  const { user } = planRecord(context, record);
  if (user === "") return undefined;
  const { uid, gid } = findUser(root, {
    user,
    groups: [],
    spec: record.spec,
    host: context.dependencies.host,
  });
  return { uid, gid };
}
