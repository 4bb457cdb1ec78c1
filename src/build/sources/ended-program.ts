import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { bytesOf } from "../../base/byte-stream.ts";
import { quoteControls } from "../../base/quote-controls.ts";
import { Failure } from "../../base/failure.ts";

export interface ProgramOptions {
  readonly args: readonly string[];
  /** All of its environment but PATH and LC_ALL. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: AsyncIterable<Uint8Array> | undefined;
  /** Debian's package that has it. */
  readonly packageName: string;
  /** What can't be done without it: `use a git repository`. */
  readonly purpose: string;
  readonly signal: AbortSignal;
}

const mostErrorText = 8192;
/** One file of a program: a pack of git. */
const mostFileBytes = 64 * 1024 ** 3;

/**
 * Runs a program of the host and yields its standard output. It and its children end with the iterator, the signal and
 * this process. Throws "invalid" with the last lines that it wrote to standard error, "unsupported" where the program
 * is missing.
 */
export async function* runProgram(
  program: string,
  { args, env = {}, input, packageName, purpose, signal }: ProgramOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal.throwIfAborted();
  const child = start(program, args, env);
  const kill = (): void => killGroup(child);
  signal.addEventListener("abort", kill, { once: true });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (errors.length < mostErrorText) errors += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  ended.catch(() => undefined);
  let inputFailure: unknown;
  feed(child.stdin, input).catch((thrown: unknown) => (inputFailure = thrown));
  let isWhole = false;
  try {
    for await (const piece of bytesOf(child.stdout)) yield piece;
    const status = await ended;
    signal.throwIfAborted();
    isWhole = true;
    if (inputFailure !== undefined) throw inputFailure;
    // SPEC: env(1) and prlimit(1) end with 127 where they find no program.
    if (status === 127) throw missing(program, { packageName, purpose });
    if (status !== 0) throw new Failure("invalid", lastLines(errors) || `${program} ended with ${status}`);
  } catch (thrown) {
    signal.throwIfAborted();
    throw isAbsent(thrown) ? missing(program, { packageName, purpose }) : thrown;
  } finally {
    signal.removeEventListener("abort", kill);
    if (!isWhole) {
      kill();
      child.stdout.destroy();
      await ended.catch(() => undefined);
    }
  }
}

/** All of its standard output as text. Throws "invalid" where that is longer than the limit. */
export async function readProgram(
  program: string,
  { limitBytes, ...options }: ProgramOptions & { readonly limitBytes: number },
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of runProgram(program, options)) {
    bytes += piece.length;
    if (bytes > limitBytes)
      throw new Failure("invalid", `${program} ${options.args[0] ?? ""}: more than ${limitBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * SAFETY: what it reads is hostile: it has no capabilities, gets no new ones, writes no file without end, and is ended
 * by the kernel when this process is killed.
 */
function start(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Child {
  const confined = ["--pdeathsig", "KILL", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];
  const words = [program, ...args];
  if (hasTool("setpriv")) words.unshift("setpriv", ...confined, "--");
  if (hasTool("prlimit")) words.unshift("prlimit", `--fsize=${mostFileBytes}`, "--core=0");
  const [first = program, ...rest] = words;
  return spawn(first, rest, {
    stdio: ["pipe", "pipe", "pipe"],
    // A process group of its own, so that its children end with it.
    detached: true,
    cwd: "/",
    env: { PATH: searchPath(), LC_ALL: "C", ...env },
  });
}

function hasTool(name: string): boolean {
  return searchPath()
    .split(":")
    .some((directory) => existsSync(`${directory}/${name}`));
}

/** A daemon may have been started with a short PATH. */
function searchPath(): string {
  return [process.env["PATH"] ?? "", "/usr/bin", "/bin"].filter((part) => part !== "").join(":");
}

async function feed(stdin: Writable, input: AsyncIterable<Uint8Array> | undefined): Promise<void> {
  // It may not read to the end.
  stdin.on("error", () => undefined);
  try {
    for await (const piece of input ?? []) {
      if (stdin.destroyed) return;
      if (!stdin.write(piece))
        await new Promise<void>((resolve) => {
          stdin.once("drain", resolve);
          stdin.once("close", resolve);
        });
    }
  } finally {
    stdin.end();
  }
}

function killGroup({ pid }: Child): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function isAbsent(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}

function missing(
  program: string,
  { packageName, purpose }: Pick<ProgramOptions, "packageName" | "purpose">,
): Failure {
  return new Failure(
    "unsupported",
    `cannot ${purpose}: the program ${program} is missing (Debian's package "${packageName}")`,
  );
}

function lastLines(text: string): string {
  const lines = quoteControls(text)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(-3).join(": ");
}
