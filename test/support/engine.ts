/** Engines in this process with roots of their own, for system tests. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, realpathSync, watch } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { openCgroupParent } from "../../src/linux/cgroup/parent.ts";
import type { Engine } from "../../src/model/engine.ts";
import type { ContainerSpec } from "../../src/model/container-spec.ts";
import type { ExitStatus } from "../../src/model/container-state.ts";
import { openEngine } from "../../src/library/open-engine.ts";
import { splitFrames } from "../../src/library/split-frames.ts";
import { busyboxArchive } from "./images.ts";
import { expectNoLeaks, type LeakSnapshot, takeSnapshot } from "./leaks.ts";
import { Scratch } from "./scratch.ts";

const project = join(import.meta.dirname, "../..");

/** Roots that outlive an engine: open one after the other on them. Disposing checks that nothing is left. */
export class EngineRoots implements AsyncDisposable {
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly cgroupPath: string;
  readonly #scratch: Scratch;
  readonly #before: LeakSnapshot;

  constructor(name: string) {
    execFileSync("make", ["-s", "-C", join(project, "native")]);
    this.#scratch = new Scratch(name);
    this.dataRoot = this.#scratch.join("data");
    this.runRoot = this.#scratch.join("run");
    mkdirSync(this.dataRoot);
    const hash = createHash("sha256").update(realpathSync(this.dataRoot)).digest("hex");
    this.cgroupPath = `tare-${hash.slice(0, 8)}`;
    // Bun opens one for all watches and keeps it.
    watch(this.dataRoot, { persistent: false }).close();
    this.#before = takeSnapshot({ directories: [this.runRoot] });
  }

  open(): Promise<Engine> {
    return openEngine({ dataRoot: this.dataRoot, runRoot: this.runRoot });
  }

  /** With the image `busybox:latest` in it. */
  async openWithBusybox(): Promise<Engine> {
    const engine = await this.open();
    for await (const progress of engine.images.load(createReadStream(busyboxArchive()))) void progress;
    return engine;
  }

  join(...parts: string[]): string {
    return this.#scratch.join(...parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await using engine = await this.open();
      for (const { id } of await engine.containers.list({ all: true })) {
        await engine.containers.remove(id, { force: true }).catch(() => undefined);
      }
      await engine.settle();
      const findings = await engine.check();
      if (findings.length > 0) throw new Error(`check: ${JSON.stringify(findings)}`);
      for (const { id } of await engine.images.list()) await engine.images.remove(id, { force: true });
      await engine.settle();
    } finally {
      openCgroupParent(`${this.cgroupPath}/keepers`).removeEmpty();
      this.#scratch[Symbol.dispose]();
    }
    await expectNoLeaks(this.#before);
  }
}

export interface RunResult {
  readonly id: string;
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a container of busybox to its end with its streams attached from the first byte. */
export async function runToEnd(
  engine: Engine,
  spec: Partial<ContainerSpec> & { readonly input?: string },
): Promise<RunResult> {
  const { input, ...rest } = spec;
  const { id } = await engine.containers.create({
    image: "busybox",
    ...rest,
    process: { ...rest.process, openStdin: input !== undefined, stdinOnce: input !== undefined },
  });
  const { duplex, terminal } = await engine.containers.attach(id, {
    stdin: input !== undefined,
    stdout: true,
    stderr: true,
  });
  const output = collect(duplex);
  const ended = engine.containers.wait(id, { until: "next-exit" });
  ended.catch(() => undefined);
  try {
    await engine.containers.start(id);
  } catch (thrown) {
    duplex.destroy();
    throw thrown;
  }
  if (input !== undefined) duplex.end(input);
  const status = await ended;
  const bytes = await output;
  const { stdout, stderr } = terminal ? { stdout: bytes, stderr: Buffer.alloc(0) } : splitFrames(bytes);
  return { id, status, stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString() };
}

export async function collect(duplex: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of duplex) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function logText(engine: Engine, id: string): Promise<string> {
  let text = "";
  for await (const { bytes } of engine.containers.logs(id)) text += Buffer.from(bytes).toString();
  return text;
}
