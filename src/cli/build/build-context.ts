import { readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { BuildOptionsLine } from "../../api/types/build.ts";
import { bytesOf } from "../../base/byte-stream.ts";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import type { CliContext } from "../context.ts";
import { packFromHost } from "../copy/pack-from-host.ts";

/** Files and Dockerfile of a build. */
export interface ChosenContext {
  readonly line: Pick<BuildOptionsLine, "Dockerfile" | "Context" | "Remote" | "IgnoreFile">;
  /** The directory on this host; undefined: an archive, or no files. */
  readonly directory?: string | undefined;
  /** The files as tar, for a daemon that does not read them itself. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

const mostDockerfileBytes = 4 * 1024 * 1024;
const url = /^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/)/i;

/** Finds what PATH and `--file` mean: a directory, or standard input for one of the two. */
export async function chooseContext(path: string, file: string, context: CliContext): Promise<ChosenContext> {
  if (path === "-" && file === "-")
    throw new Failure("invalid", "invalid argument: can't use stdin for both build context and dockerfile");
  if (path === "-") return await contextOfInput(file, context);
  if (url.test(path)) return await remoteContext(path, file, context);
  const directory = resolve(context.cwd, path);
  const found = await stat(directory, { bigint: true }).catch((thrown: unknown) => {
    if (codeOf(thrown) === "ENOENT")
      throw new Failure("not-found", `unable to prepare context: path ${JSON.stringify(path)} not found`);
    throw new Failure("invalid", `unable to prepare context: ${sentenceOf(thrown)}`, { cause: thrown });
  });
  if (!found.isDirectory())
    throw new Failure("invalid", `unable to prepare context: context must be a directory: ${directory}`);
  const dockerfile =
    file === "-"
      ? { path: join(directory, "Dockerfile"), name: "Dockerfile", text: await readInputText(context) }
      : await readDockerfile(file, directory, context);
  return {
    line: {
      Dockerfile: { Name: dockerfile.name, Text: dockerfile.text },
      Context: { Path: directory, Device: String(found.dev), Inode: String(found.ino) },
      IgnoreFile: await readIgnoreFile(dockerfile.path, directory),
    },
    directory,
    open: () => packFromHost(directory, { as: "" }),
  };
}

/** The daemon brings the files; FILE is one of them. */
async function remoteContext(path: string, file: string, context: CliContext): Promise<ChosenContext> {
  const dockerfile =
    file === "-"
      ? { Name: "Dockerfile", Text: await readInputText(context) }
      : { Name: file === "" ? "Dockerfile" : file };
  return { line: { Dockerfile: dockerfile, Remote: path }, open: emptyArchive };
}

async function readDockerfile(
  file: string,
  directory: string,
  { cwd }: CliContext,
): Promise<{ readonly path: string; readonly name: string; readonly text: string }> {
  const candidates =
    file === "" ? ["Dockerfile", "dockerfile"].map((name) => join(directory, name)) : [resolve(cwd, file)];
  for (const path of candidates) {
    const text = await readText(path, file === "" ? directory : undefined);
    if (text !== undefined) return { path, name: basename(path), text };
  }
  const name = file === "" ? "Dockerfile" : basename(file);
  throw new Failure(
    "not-found",
    `failed to solve: failed to read dockerfile: open ${name}: no such file or directory`,
  );
}

/** SPEC: the ignore file of a Dockerfile takes the place of the context's. */
async function readIgnoreFile(dockerfile: string, directory: string): Promise<string> {
  const own = join(dirname(dockerfile), `${basename(dockerfile)}.dockerignore`);
  return (await readText(own)) ?? (await readText(join(directory, ".dockerignore"), directory)) ?? "";
}

/**
 * Undefined: there is no such file. SAFETY: a directory of unknown origin may have a link in place of a file:
 * with `inside`, it must not lead out of that directory.
 */
async function readText(path: string, inside?: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    const { size } = found;
    if (!found.isFile()) throw new Failure("invalid", `failed to read ${path}: it is not a regular file`);
    if (inside !== undefined && !(await realpath(path)).startsWith(`${await realpath(inside)}/`)) {
      throw new Failure("invalid", `failed to read ${path}: the link leads out of the build context`);
    }
    if (size > mostDockerfileBytes) {
      throw new Failure("invalid", `failed to read ${path}: it is longer than ${mostDockerfileBytes} bytes`);
    }
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR") return undefined;
    if (thrown instanceof Failure) throw thrown;
    throw new Failure("invalid", `failed to read ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
}

/** Standard input: an archive, or a Dockerfile that has no files. */
async function contextOfInput(file: string, context: CliContext): Promise<ChosenContext> {
  const input = bytesOf(context.stdin)[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let size = 0;
  while (size < 512) {
    const next = await input.next();
    if (next.done === true) break;
    const piece = Buffer.from(next.value);
    first.push(piece);
    size += piece.length;
  }
  const start = Buffer.concat(first);
  if (isArchive(start)) {
    return {
      line: { Dockerfile: { Name: file === "" ? "Dockerfile" : file } },
      open: () => following(start, input),
    };
  }
  if (file !== "") {
    throw new Failure(
      "invalid",
      "ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles",
    );
  }
  return {
    line: {
      Dockerfile: { Name: "Dockerfile", Text: await textOf(following(start, input)) },
      IgnoreFile: "",
    },
    open: emptyArchive,
  };
}

/** By their first bytes: tar, gzip, bzip2, xz, zstd. */
export function isArchive(start: Uint8Array): boolean {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  const begins = (...magic: readonly number[]): boolean =>
    bytes.length >= magic.length && magic.every((byte, at) => bytes[at] === byte);
  return (
    bytes.toString("latin1", 257, 262) === "ustar" ||
    begins(0x1f, 0x8b, 0x08) ||
    begins(0x42, 0x5a, 0x68) ||
    begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00) ||
    begins(0x28, 0xb5, 0x2f, 0xfd)
  );
}

async function readInputText(context: CliContext): Promise<string> {
  return await textOf(bytesOf(context.stdin));
}

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > mostDockerfileBytes) {
      throw new Failure(
        "invalid",
        `failed to read dockerfile from stdin: it is longer than ${mostDockerfileBytes} bytes`,
      );
    }
    parts.push(Buffer.from(piece));
  }
  return Buffer.concat(parts).toString();
}

async function* following(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next())
    yield Buffer.from(next.value);
}

/** SPEC: an archive ends with two blocks of zeros. */
async function* emptyArchive(): AsyncGenerator<Uint8Array, void> {
  await Promise.resolve();
  yield new Uint8Array(1024);
}
