import { bytesOf } from "../base/byte-stream.ts";
import { createReadStream } from "node:fs";
import { randomBytes } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { codeOf, Failure, sentenceOf } from "../base/failure.ts";
import type { CliContext } from "./context.ts";

/** The bytes of a file, for sending. It is opened now: one that can't be is Failure("not-found" or "not-permitted"). */
export async function openArchive(path: string, { cwd }: CliContext): Promise<AsyncIterable<Uint8Array>> {
  try {
    const file = await open(resolve(cwd, path));
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw new Failure("invalid", `open ${path}: is a directory`);
    }
    return bytesOf(createReadStream("", { fd: file, highWaterMark: 256 * 1024 }));
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    const code = codeOf(thrown);
    if (code === "ENOENT") throw new Failure("not-found", `open ${path}: no such file or directory`);
    if (code === "EACCES") throw new Failure("not-permitted", `open ${path}: permission denied`);
    throw new Failure("internal", `open ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
}

/** As openArchive(); of a directory that holds images, their archive. */
export async function openArchiveOrDirectory(
  path: string,
  context: CliContext,
): Promise<AsyncIterable<Uint8Array>> {
  const target = resolve(context.cwd, path);
  const isDirectory = (await stat(target).catch(() => undefined))?.isDirectory() === true;
  if (!isDirectory) return await openArchive(path, context);
  const { packDirectory } = await import("./layout/pack-directory.ts");
  return await packDirectory(target);
}

/** Our standard input, for sending. A terminal has nothing to send: Failure("invalid") with what to do. */
export function readInput({ stdin }: CliContext, refusal: string): AsyncIterable<Uint8Array> {
  if (stdin.isTTY === true) throw new Failure("invalid", refusal);
  return bytesOf(stdin);
}

function unwritable(path: string, target: string, cause: unknown): Failure {
  const code = codeOf(cause);
  if (code === "ENOENT") {
    const sentence = `invalid output path: directory "${dirname(target)}" does not exist`;
    return new Failure("not-found", sentence, { cause });
  }
  const reasons: Readonly<Record<string, string>> = {
    EACCES: "permission denied",
    ENOTDIR: "not a directory",
    EROFS: "read-only file system",
  };
  return new Failure("invalid", `open ${path}: ${reasons[code ?? ""] ?? sentenceOf(cause)}`, { cause });
}

/**
 * Writes an archive to a file, which has its name only when it is whole. What is there and no plain file (a pipe, a
 * device) is written to.
 */
export async function writeArchive(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { cwd }: CliContext,
): Promise<void> {
  const target = resolve(cwd, path);
  const found = await stat(target).catch(() => undefined);
  if (found?.isDirectory() === true) throw new Failure("invalid", `open ${path}: is a directory`);
  const isDirect = found !== undefined && !found.isFile();
  const draft = isDirect ? target : `${target}.${randomBytes(6).toString("hex")}`;
  const file = await open(draft, isDirect ? "w" : "wx", 0o600).catch((cause: unknown) => {
    throw unwritable(path, target, cause);
  });
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.close();
    if (!isDirect) await rename(draft, target);
  } catch (thrown) {
    await file.close().catch(() => undefined);
    if (!isDirect) await rm(draft, { force: true });
    throw thrown;
  }
}
