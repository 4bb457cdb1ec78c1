import { marker } from "./owned.ts";

const timeoutMs = 600_000;

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface CommandOptions {
  /** Keep what it prints; else it goes to /dev/null, which costs nothing. */
  readonly capture?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs it to its end and times that, from before the spawn until its exit was seen. Any status but 0 throws with its
 * words.
 */
export function runTimed(
  command: readonly string[],
  { capture = false, env = {} }: CommandOptions = {},
): Output {
  const begun = performance.now();
  const result = Bun.spawnSync([...command], {
    stdin: "ignore",
    stdout: capture ? "pipe" : "ignore",
    stderr: "pipe",
    env: environment(env),
    timeout: timeoutMs,
  });
  const ms = performance.now() - begun;
  const stderr = result.stderr.toString();
  if (result.exitCode !== 0) throw failure(command, result.exitCode, stderr);
  return { stdout: result.stdout?.toString() ?? "", stderr, ms };
}

/** The same without holding the program up, for several at once. */
export async function runInBackground(
  command: readonly string[],
  { env = {} }: Pick<CommandOptions, "env"> = {},
): Promise<string> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: environment(env),
    timeout: timeoutMs,
  });
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (status !== 0) throw failure(command, status, stderr);
  return stdout;
}

/**
 * The environment of every process of the benchmark: minimal, the same for all, with the mark by which the benchmark
 * recognizes its own processes.
 */
export function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const path = process.env["PATH"] ?? "";
  return {
    PATH: `${path}:/usr/local/sbin:/usr/sbin:/sbin`,
    LC_ALL: "C.UTF-8",
    ...marker.environment,
    ...more,
  };
}

/** Where a program is, or undefined when it isn't installed. */
export function findProgram(name: string): string | undefined {
  return Bun.which(name, { PATH: environment()["PATH"] ?? "" }) ?? undefined;
}

function failure(command: readonly string[], status: number | null, stderr: string): Error {
  const said = stderr.trim().split("\n").slice(-4).join("\n");
  return new Error(`cannot run "${command.join(" ")}": status ${status}${said === "" ? "" : `: ${said}`}`);
}
