import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CheckingProxy } from "./checking-proxy.ts";
import { failOnUncaughtException } from "./daemon-log.ts";
import { slowness } from "./patience.ts";

export const repository: string = resolve(import.meta.dir, "../..");
export const executable: string = join(repository, "dist/tare");
/** The command that users type: it executes the main binary for all but fast-path runs. */
export const launcher: string = join(repository, "dist/bin/tare");
export const isRoot: boolean = process.getuid?.() === 0;

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Builds the executable once, if a source is newer. */
export function buildExecutable(): void {
  const { status, stderr } = spawnSync("make", ["--silent"], { cwd: repository, encoding: "utf8" });
  if (status !== 0) throw new Error(`cannot build dist/tare: ${stderr}`);
}

/**
 * An installation of its own: the real executable with a data root and a run root in a temporary directory. Disposing
 * it removes all containers, stops the daemon and fails when anything is left on the machine, or when the daemon's log
 * has an uncaught exception.
 */
export class Installation implements AsyncDisposable {
  readonly directory: string;
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly socket: string;
  readonly #mountsBefore: string;
  readonly #words: readonly string[];
  #proxy: CheckingProxy | undefined;

  /** `dataRoot`: a place that the test has made. `netns`: the network namespace that is the host to it. */
  constructor({ dataRoot, netns }: { readonly dataRoot?: string; readonly netns?: string } = {}) {
    this.#words = netns === undefined ? [executable] : ["nsenter", `--net=${netns}`, executable];
    buildExecutable();
    this.directory = mkdtempSync(join(tmpdir(), "tare-test-"));
    this.dataRoot = dataRoot ?? join(this.directory, "data");
    this.runRoot = join(this.directory, "run");
    mkdirSync(this.dataRoot, { recursive: true, mode: 0o700 });
    mkdirSync(this.runRoot, { mode: 0o700 });
    this.socket = join(this.runRoot, "tare.sock");
    this.#mountsBefore = mountTable();
  }

  /**
   * For the clients of others, of a daemon that runs: with TARE_REFERENCE, every reply is compared with the API's
   * reference, and disposing fails where one differs. docker-py loses what comes with the head of a taken over
   * connection: it needs the daemon's own socket.
   */
  get clientSocket(): string {
    if (process.env["TARE_REFERENCE"] === undefined) return this.socket;
    const socket = join(this.directory, "client.sock");
    this.#proxy ??= new CheckingProxy({ socket, target: this.socket });
    return socket;
  }

  get globalFlags(): readonly string[] {
    return ["--data-root", this.dataRoot, "--run-root", this.runRoot];
  }

  /** The environment of a client: nothing chooses another daemon. */
  #env(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { PATH = "", HOME = "/root", TERM = "xterm", TARE_WITHOUT, TARE_PREWARM } = process.env;
    return {
      PATH,
      HOME,
      TERM,
      ...(TARE_WITHOUT === undefined ? {} : { TARE_WITHOUT }),
      ...(TARE_PREWARM === undefined ? {} : { TARE_PREWARM }),
      ...extra,
    };
  }

  /** Runs one command line to its end. */
  async tare(
    args: readonly string[],
    { input, env, timeoutMs = 60_000 }: RunOptions = {},
  ): Promise<Finished> {
    const [program = "", ...first] = this.#words;
    const child = spawn(program, [...first, ...this.globalFlags, ...args], {
      env: this.#env(env),
      stdio: ["pipe", "pipe", "pipe"],
      cwd: "/",
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => {}); // it may end before it reads
    child.stdin.end(input ?? "");
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs * slowness);
    const { promise, resolve: done } = Promise.withResolvers<number | null>();
    child.on("close", (code) => done(code));
    const status = await promise;
    clearTimeout(timer);
    return { status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  }

  /** As tare(), but any status except 0 fails the test with the output. Returns standard output, trimmed. */
  async must(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.tare(args, options);
    if (status !== 0)
      throw new Error(`tare ${args.join(" ")}: status ${status}\n${stdout}${stderr}\n${this.daemonLog()}`);
    return stdout.trimEnd();
  }

  /** As tare(), but status 0 fails the test. Returns standard error. */
  async refused(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.tare(args, options);
    if (status === 0) throw new Error(`tare ${args.join(" ")}: it was done\n${stdout}`);
    return stderr;
  }

  daemonLog(): string {
    const path = join(this.runRoot, "daemon.log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** The pid of the daemon that serves these roots; undefined when none does. */
  daemonPid(): number | undefined {
    return processes().find(
      ({ pid, argv }) =>
        argv.includes("daemon") && argv.some((word) => word.includes(this.runRoot)) && !isGone(pid),
    )?.pid;
  }

  /** Pids of the keepers whose program was started for these roots (their working descriptors lie in the run root). */
  keeperPids(): number[] {
    return processes()
      .filter(({ pid, argv }) => argv[0] === "tare-keeper" && holdsBelow(pid, this.directory))
      .map(({ pid }) => pid);
  }

  cgroupParent(): string {
    return `tare-${createHash("sha256").update(realpathSync(this.dataRoot)).digest("hex").slice(0, 8)}`;
  }

  /** Cgroups of containers that exist in any hierarchy; or of one container. */
  cgroups(id?: string): string[] {
    const parent = this.cgroupParent();
    const roots = [
      "/sys/fs/cgroup",
      ...readdirSync("/sys/fs/cgroup").map((name) => join("/sys/fs/cgroup", name)),
    ];
    return roots
      .map((root) => join(root, parent))
      .filter((path) => existsSync(path))
      .flatMap((path) =>
        directoriesIn(path)
          .filter((name) => (id === undefined ? name !== "keepers" : name === id))
          .map((name) => join(path, name)),
      );
  }

  /** Lines of the mount table that are ours; what others on this machine mount meanwhile is theirs. */
  newMounts(): readonly string[] {
    const before = new Set(this.#mountsBefore.split("\n"));
    const isOurs = (line: string): boolean =>
      line.includes(this.directory) || (line.includes("tare") && !/\/tare-[a-z-]+-\w{6}/.test(line));
    return mountTable()
      .split("\n")
      .filter((line) => !before.has(line) && isOurs(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { problems = [] } = (await this.#proxy?.report()) ?? {};
    await this.#proxy?.[Symbol.asyncDispose]();
    await this.tare(["pod", "rm", "--force", "--all"]);
    const ids = await this.tare(["ps", "-aq", "--no-trunc"]);
    if (ids.status === 0 && ids.stdout.trim() !== "")
      await this.tare(["rm", "-f", ...ids.stdout.trim().split("\n")]);
    await this.tare(["system", "settle"]);
    const { stderr } = await this.tare(["daemon", "stop"]);
    const leaks = [
      ...(await waitUntilEmpty(() => this.keeperPids().map((pid) => `keeper ${pid}`))),
      ...(await waitUntilEmpty(() => this.cgroups())),
      ...(await waitUntilEmpty(() => (this.daemonPid() === undefined ? [] : [`daemon ${this.daemonPid()}`]))),
      ...this.newMounts().map((line) => `mount ${line}`),
    ];
    removeCgroupParents(this.cgroupParent());
    const log = this.daemonLog();
    rmSync(this.directory, { recursive: true, force: true });
    failOnUncaughtException(log);
    if (problems.length > 0)
      throw new Error(
        `${problems.length} replies differ from the reference:\n${[...new Set(problems)].slice(0, 50).join("\n")}`,
      );
    if (leaks.length > 0)
      throw new Error(`left behind: ${leaks.join(", ")} (daemon stop: ${stderr})\n${log}`);
  }
}

/** The host's mount table without its changing counters. */
export function mountTable(): string {
  return readFileSync("/proc/self/mountinfo", "utf8");
}

function removeCgroupParents(name: string): void {
  for (const root of [
    "/sys/fs/cgroup",
    ...readdirSync("/sys/fs/cgroup").map((entry) => join("/sys/fs/cgroup", entry)),
  ]) {
    for (const path of [join(root, name, "keepers"), join(root, name)]) {
      if (existsSync(path)) spawnSync("rmdir", [path]);
    }
  }
}

/** Empty when it is just being removed. */
function directoriesIn(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

export async function waitUntilEmpty(
  look: () => readonly string[],
  withinMs = 5000,
): Promise<readonly string[]> {
  const until = Date.now() + withinMs * slowness;
  for (;;) {
    const found = look();
    if (found.length === 0 || Date.now() > until) return found;
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

function processes(): { pid: number; argv: string[] }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return { pid: Number(name), argv: readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0") };
      } catch {
        return { pid: Number(name), argv: [] };
      }
    });
}

/** Whether a process has ended; a zombie counts as ended. */
export function isGone(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

function holdsBelow(pid: number, directory: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(directory);
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
