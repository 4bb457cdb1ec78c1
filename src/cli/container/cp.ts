import { lstatSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { ArchivePathStat } from "../../api/container/path-stat.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { codeOf, Failure, kindOf } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import { readInput } from "../archive.ts";
import type { Call, Command } from "../command.ts";
import { CopyCounter } from "../copy/counter.ts";
import { packFromHost } from "../copy/pack-from-host.ts";
import { type CopyEndpoint, type CopyTarget, parseCopyEndpoint, resolveCopy } from "../copy/copy-endpoint.ts";
import { unpackToHost } from "../copy/unpack-to-host.ts";
import { bool } from "../flags/kinds.ts";
import { writeAll } from "../terminal/write.ts";

interface Values {
  readonly archive: boolean;
  readonly "follow-link": boolean;
  readonly quiet: boolean;
}

type InContainer = Extract<CopyEndpoint, { readonly kind: "container" }>;

export const cp: Command<Values> = {
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
  takes: [2, 2],
  description:
    'Use "-" as the source to read a tar archive (plain, gzip or zstd) from standard input and extract it into a directory of a container, and "-" as the destination to stream a tar archive of a container\'s file or directory to standard output.',
  flags: {
    archive: bool("Archive mode (copy all uid/gid information)", { short: "a" }),
    "follow-link": bool("Always follow symbol link in SRC_PATH", { short: "L" }),
    quiet: bool("Suppress progress output during copy", { short: "q" }),
  },
  completes: ["file", "file"],
  examples: ["tare cp web:/etc/hosts .", "tare cp site/. web:/srv", "tar -c site | tare cp - web:/srv"],
  async run(call) {
    const [source = "", destination = ""] = call.positional;
    const [from, to] = [parseCopyEndpoint(source), parseCopyEndpoint(destination)];
    if (from.path === "") throw new Failure("invalid", "source can not be empty");
    if (to.path === "") throw new Failure("invalid", "destination can not be empty");
    if (from.kind === "container") {
      if (to.kind === "container")
        throw new Failure("invalid", "copying between containers is not supported");
      await copyOut(call, from, to.path);
    } else {
      if (to.kind === "host") throw new Failure("invalid", "must specify at least one container source");
      await copyIn(call, from.path, to);
    }
    return 0;
  },
};

async function copyOut(call: Call<Values>, { container, path }: InContainer, to: string): Promise<void> {
  const { values, context, signal } = call;
  const client = await call.client();
  const source = values["follow-link"] ? await followed(client, { container, path }) : path;
  if (to === "-") {
    if (context.stdout.isTTY === true)
      throw new Failure("invalid", "cowardly refusing to write an archive to a terminal: redirect it");
    const { archive } = await client.containers.copyFrom(container, source, { signal });
    for await (const chunk of archive) await writeAll(context.stdout, chunk);
    return;
  }
  const target = resolvePath(context.cwd, to);
  using copied = await client.containers.copyFrom(container, source, { signal });
  // Its name is the link's, not what that leads to.
  const plan = resolveCopy({ path, isDirectory: copied.stat.kind === "directory" }, findHost(target));
  requireDirectory(plan.directory);
  const counter = new CopyCounter(call, "Copying from container");
  const archive = counter.count(copied.archive);
  const skipped = await unpackToHost(archive, { ...plan, keepsOwners: values.archive });
  for (const name of skipped) call.err(`skipped ${JSON.stringify(name)}: it is a device or a fifo\n`);
  counter.finish(`Successfully copied ${formatByteSize(counter.bytes)} to ${target}`);
}

async function copyIn(call: Call<Values>, from: string, to: InContainer): Promise<void> {
  const { values, context, signal } = call;
  const client = await call.client();
  const target = await findTarget(client, to);
  const options = { keepsKinds: true, asContainerUser: values.archive, signal };
  if (from === "-") {
    if (target.found !== "directory") {
      throw new Failure("invalid", `destination "${to.container}:${to.path}" must be a directory`);
    }
    const archive = readInput(context, "cannot copy from a terminal: give an archive on standard input");
    await client.containers.copyInto(to.container, target.path, { ...options, archive });
    return;
  }
  const source = resolvePath(context.cwd, from);
  const stat = statHost(source, values["follow-link"]);
  const plan = resolveCopy({ path: source, isDirectory: stat.isDirectory }, target);
  const counter = new CopyCounter(call, "Copying to container");
  const archive = counter.count(packFromHost(stat.path, { as: plan.name }));
  await client.containers.copyInto(to.container, plan.directory, { ...options, archive });
  counter.finish(`Successfully copied ${formatByteSize(counter.bytes)} to ${to.container}:${to.path}`);
}

/** Absolute; keeps a final slash or "/.", which has a meaning. */
function resolvePath(cwd: string, path: string): string {
  const ending = /(?:^|\/)\.$/.test(path) ? "/." : path.endsWith("/") ? "/" : "";
  const absolute = resolve(cwd, path);
  return absolute === "/" ? `/${ending === "/." ? "." : ""}` : `${absolute}${ending}`;
}

function findHost(path: string): CopyTarget {
  const stat = statSync(path.replace(/\/\.?$/, "") || "/", { throwIfNoEntry: false });
  return { path, found: stat === undefined ? undefined : stat.isDirectory() ? "directory" : "other" };
}

function requireDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new Failure("not-found", `invalid output path: directory "${path}" does not exist`);
}

function statHost(path: string, follows: boolean): { readonly path: string; readonly isDirectory: boolean } {
  try {
    const real = follows ? realpathSync(path) : path;
    return { path: real, isDirectory: lstatSync(real).isDirectory() };
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT")
      throw new Failure("not-found", `lstat ${path}: no such file or directory`, { cause });
    if (code === "ENOTDIR") throw new Failure("invalid", `lstat ${path}: not a directory`, { cause });
    throw cause;
  }
}

/** The path that a link at its end leads to. */
async function followed(client: Client, { container, path }: Omit<InContainer, "kind">): Promise<string> {
  const stat = await client.containers.statPath(container, path);
  return stat.kind === "symlink" ? stat.linkTarget : path;
}

/** Finds the file at the target of a copy; when it is absent, its parent has to exist, which the daemon checks. */
async function findTarget(client: Client, { container, path }: InContainer): Promise<CopyTarget> {
  const bare = path.replace(/(?:\/+\.?)+$/, "");
  const ending = path.slice(bare.length);
  const stat = await findStat(client, container, bare === "" ? "/" : bare);
  if (stat?.kind !== "symlink") return { path, found: foundOf(stat) };
  const { linkTarget } = stat;
  return { path: `${linkTarget}${ending}`, found: foundOf(await findStat(client, container, linkTarget)) };
}

function foundOf(stat: ArchivePathStat | undefined): CopyTarget["found"] {
  return stat === undefined ? undefined : stat.kind === "directory" ? "directory" : "other";
}

async function findStat(
  client: Client,
  container: string,
  path: string,
): Promise<ArchivePathStat | undefined> {
  try {
    return await client.containers.statPath(container, path);
  } catch (thrown) {
    if (kindOf(thrown) === "not-found" || kindOf(thrown) === "invalid") return undefined;
    throw thrown;
  }
}
