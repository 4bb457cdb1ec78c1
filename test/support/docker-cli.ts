import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testCache } from "./images.ts";

/**
 * Debian's client: an installed one, else from its package, unpacked in the test cache; undefined where there is none.
 */
export function findDockerCli(): string | undefined {
  const installed = Bun.which("docker");
  if (installed !== null) return installed;
  const path = join(testCache, "docker-cli");
  if (existsSync(path)) return path;
  mkdirSync(testCache, { recursive: true });
  const work = mkdtempSync(join(testCache, "work-"));
  try {
    const fetched = spawnSync("apt-get", ["download", "docker-cli"], { cwd: work, stdio: "ignore" });
    const [file] = readdirSync(work);
    if (fetched.status !== 0 || file === undefined) return undefined;
    if (spawnSync("dpkg-deb", ["-x", file, "deb"], { cwd: work, stdio: "ignore" }).status !== 0)
      return undefined;
    const program = join(work, "deb/usr/bin/docker");
    if (!existsSync(program)) return undefined;
    renameSync(program, path);
    return path;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export interface DockerOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DockerOptions {
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: number;
}

/** The client of one daemon, with a configuration of its own. */
export class DockerCli {
  readonly #path: string;
  readonly #flags: readonly string[];

  constructor(path: string, { socket, config }: { readonly socket: string; readonly config: string }) {
    this.#path = path;
    this.#flags = ["--config", config, "--host", `unix://${socket}`];
  }

  /** The whole command line, for a terminal. */
  argv(...args: readonly string[]): readonly string[] {
    return [this.#path, ...this.#flags, ...args];
  }

  async run(
    args: readonly string[],
    { input = "", timeoutMs = 20_000 }: DockerOptions = {},
  ): Promise<DockerOutcome> {
    const child = spawn(this.#path, [...this.#flags, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "" },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => out.push(piece));
    child.stderr.on("data", (piece: Buffer) => err.push(piece));
    child.stdin.on("error", () => {}); // it may end before it reads
    child.stdin.end(input);
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.on("close", resolve);
    const code = await promise;
    clearTimeout(timer);
    return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  }

  /** Standard output without its last line end; fails unless the status is 0. */
  async must(args: readonly string[], options: DockerOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0) throw new Error(`docker ${args.join(" ")}: status ${code}\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }
}
