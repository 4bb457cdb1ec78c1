import type { ContainerSpec } from "../model/container-spec.ts";
import type { ExitStatus, StartTiming } from "../model/container-state.ts";
import type { ContainerDetails } from "../model/containers.ts";
import type { PreserveFds } from "../model/descriptors.ts";
import type { Engine } from "../model/engine.ts";
import type { ExecSpec } from "../model/execs.ts";
import type { ContainerId } from "../model/ids.ts";
import type { LogEntry, LogOptions } from "../model/logs.ts";
import { readOutput } from "./split-frames.ts";

/** Settings of a container that `run()` starts. */
export type RunOptions = Omit<ContainerSpec, "image"> & { readonly preserveFds?: PreserveFds | undefined };

/** The exit code of a program and its output as text. */
export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A container that `run()` started. Disposing of it removes the container, killing it when it runs. */
export class RunningContainer implements AsyncDisposable {
  readonly id: ContainerId;
  readonly timing: StartTiming;
  readonly warnings: readonly string[];
  readonly #engine: Engine;

  constructor(
    engine: Engine,
    started: {
      readonly id: ContainerId;
      readonly timing: StartTiming;
      readonly warnings: readonly string[];
    },
  ) {
    this.#engine = engine;
    this.id = started.id;
    this.timing = started.timing;
    this.warnings = started.warnings;
  }

  /** How it ended; waits for that. */
  wait(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<ExitStatus> {
    return this.#engine.containers.wait(this.id, options);
  }

  /** Everything that it wrote to standard output until it ended, as text; waits for that. Log rotation bounds it. */
  stdout(): Promise<string> {
    return this.#text("stdout");
  }

  /** As stdout(). */
  stderr(): Promise<string> {
    return this.#text("stderr");
  }

  /** Reads its log, oldest entry first. */
  logs(options: LogOptions = {}): AsyncIterable<LogEntry> {
    return this.#engine.containers.logs(this.id, options);
  }

  /**
   * Runs one more program in it and waits for its end. Throws "invalid" with details.exitCode 126 or 127 if the program
   * cannot be executed; "conflict" with details.state if the container does not run.
   *
   * @example
   * ```ts
   * import { openEngine } from "tare";
   *
   * await using engine = await openEngine();
   * await engine.load("busybox.tar");
   * await using container = await engine.run("busybox", { process: { command: ["sleep", "60"] } });
   * const { code, stdout } = await container.exec(["cat"], { input: "apples" });
   * console.log(code, stdout);
   * ```
   */
  async exec(
    command: readonly string[],
    options: Omit<ExecSpec, "command" | "attachStdout" | "attachStderr"> & {
      readonly input?: string | Uint8Array | undefined;
      readonly preserveFds?: PreserveFds | undefined;
    } = {},
  ): Promise<ExecResult> {
    const { input, preserveFds, ...rest } = options;
    const { containers } = this.#engine;
    const id = await containers.createExec(this.id, {
      ...rest,
      command,
      attachStdin: input !== undefined,
      attachStdout: true,
      attachStderr: true,
    });
    const stream = await containers.startExec(id, preserveFds === undefined ? {} : { preserveFds });
    if (input !== undefined) stream?.duplex.write(input);
    if (input !== undefined) stream?.duplex.end();
    const output = stream === undefined ? undefined : await readOutput(stream);
    const { code } = await containers.waitExec(id);
    const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("utf8");
    return { code, stdout: text(output?.stdout), stderr: text(output?.stderr) };
  }

  /** Describes it. Throws "not-found" after its removal. */
  inspect(): Promise<ContainerDetails> {
    return this.#engine.containers.inspect(this.id);
  }

  /** The stop signal, then after the grace KILL. False when it had ended already. */
  stop(
    options: { readonly signal?: string | undefined; readonly graceMs?: number | undefined } = {},
  ): Promise<boolean> {
    return this.#engine.containers.stop(this.id, options);
  }

  /** Sends a signal, SIGKILL by default. Throws "conflict" if it does not run. */
  kill(options: { readonly signal?: string | undefined } = {}): Promise<void> {
    return this.#engine.containers.kill(this.id, options);
  }

  /** Killing it when it runs. Fine when it is gone. */
  async remove(): Promise<void> {
    try {
      await this.#engine.containers.remove(this.id, { force: true });
    } catch (thrown) {
      if (!(thrown instanceof Error && "kind" in thrown && thrown.kind === "not-found")) throw thrown;
    }
  }

  /** Removes the container. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }

  async #text(stream: "stdout" | "stderr"): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const { bytes } of this.logs({
      stdout: stream === "stdout",
      stderr: stream === "stderr",
      follow: true,
    })) {
      chunks.push(bytes);
    }
    return Buffer.concat(chunks).toString("utf8");
  }
}
