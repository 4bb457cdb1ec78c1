import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { codingsOf, type Message, type Method, type Reply } from "../../src/cri/codings.ts";
import type { Messages, methodTypes } from "../../src/cri/messages.ts";
import { GrpcClient } from "../../src/grpc/client.ts";
import type { Sendable } from "../../src/grpc/codec.ts";
import { busyboxArchive } from "./images.ts";
import { poll } from "./patience.ts";
import { executable, Installation } from "./tare.ts";

type Request<Name extends Method> = Sendable<Messages[(typeof methodTypes)[Name][0]]>;
type Response<Name extends Method> = Messages[(typeof methodTypes)[Name][1]];

/** A daemon with `--cri`, and a kubelet's connection to it. */
export class CriDaemon implements AsyncDisposable {
  readonly tare: Installation = new Installation();
  readonly logDirectory: string;
  #child: ChildProcess | undefined;
  #client: GrpcClient | undefined;
  #pods = 0;

  constructor() {
    this.logDirectory = join(this.tare.directory, "pod-logs");
    mkdirSync(this.logDirectory);
  }

  get socket(): string {
    return join(this.tare.runRoot, "cri.sock");
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** `flags`: absent, it finds no CNI configuration. */
  async start(
    env: Readonly<Record<string, string>> = {},
    flags: readonly string[] = ["--cni-conf-dir=/nonexistent"],
  ): Promise<void> {
    const words = [...this.tare.globalFlags, "daemon", "--config-file=/dev/null", "--cri", ...flags];
    const child = spawn(executable, words, { stdio: "ignore", cwd: "/", env: { ...process.env, ...env } });
    this.#child = child;
    const isUp = async (): Promise<true | undefined> =>
      child.exitCode !== null ||
      ((await answers(this.socket)) && (await answers(this.tare.socket))) ||
      undefined;
    await poll(isUp, { timeoutMs: 10_000, what: "the daemon's sockets" });
  }

  async loadBusybox(): Promise<void> {
    await this.tare.must(["load", "-i", busyboxArchive()]);
  }

  /** Ends the daemon; pods run on. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#client?.close();
    this.#client = undefined;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  /** When the daemon has ended by itself. */
  async ended(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => child.once("exit", resolve));
  }

  client(): GrpcClient {
    this.#client ??= new GrpcClient(connect(this.socket));
    return this.#client;
  }

  /** `runtime`: a method of RuntimeService. */
  async runtime<Name extends string>(
    name: Name,
    message: Request<Method & `runtime.v1.RuntimeService/${Name}`>,
  ): Promise<Response<Method & `runtime.v1.RuntimeService/${Name}`>> {
    return await this.call(`runtime.v1.RuntimeService/${name}` as never, message as never);
  }

  async images<Name extends string>(
    name: Name,
    message: Request<Method & `runtime.v1.ImageService/${Name}`>,
  ): Promise<Response<Method & `runtime.v1.ImageService/${Name}`>> {
    return await this.call(`runtime.v1.ImageService/${name}` as never, message as never);
  }

  async call<Name extends Method>(method: Name, message: Request<Name>): Promise<Response<Name>> {
    return await this.client().unary(`/${method}`, codingsOf(method), message);
  }

  /** All messages of a stream that ends. */
  async stream<Name extends Method>(
    method: Name,
    message: Request<Name>,
  ): Promise<readonly Response<Name>[]> {
    const stream = this.client().open(`/${method}`, codingsOf(method));
    await stream.send(message);
    stream.end();
    return await Array.fromAsync(stream);
  }

  podConfig(more: Reply<"PodSandboxConfig"> = {}): Reply<"PodSandboxConfig"> {
    const name = `pod-${++this.#pods}`;
    return {
      metadata: { name, uid: `uid-${name}`, namespace: "test", attempt: 0 },
      log_directory: this.logDirectory,
      labels: { app: name },
      annotations: { note: name },
      ...more,
    };
  }

  async runPod(more: Reply<"PodSandboxConfig"> = {}): Promise<string> {
    const config = this.podConfig(more);
    return (await this.runtime("RunPodSandbox", { config })).pod_sandbox_id;
  }

  /** Creates a container, and starts it. */
  async runContainer(
    pod: string,
    config: Reply<"ContainerConfig">,
    sandbox_config: Reply<"PodSandboxConfig"> = {},
  ): Promise<string> {
    const { container_id } = await this.runtime("CreateContainer", {
      pod_sandbox_id: pod,
      sandbox_config,
      config: { metadata: { name: "main", attempt: 0 }, image: { image: "busybox" }, ...config },
    });
    await this.runtime("StartContainer", { container_id });
    return container_id;
  }

  async exec(container_id: string, ...cmd: readonly string[]): Promise<string> {
    const { stdout, stderr, exit_code } = await this.runtime("ExecSync", { container_id, cmd, timeout: 10 });
    if (exit_code !== 0)
      throw new Error(`${cmd.join(" ")}: status ${exit_code}: ${Buffer.from(stderr).toString()}`);
    return Buffer.from(stdout).toString().trimEnd();
  }

  async status(container_id: string): Promise<Message<"ContainerStatus">> {
    const { status } = await this.runtime("ContainerStatus", { container_id });
    if (status === null) throw new Error("there is no status");
    return status;
  }

  /** Waits until the container has ended. */
  async exited(container_id: string): Promise<Message<"ContainerStatus">> {
    return await poll(
      async () => {
        const status = await this.status(container_id);
        return status.state === 2 ? status : undefined;
      },
      { timeoutMs: 10_000, what: "the end of the container" },
    );
  }

  async removeAll(): Promise<void> {
    for (const { id } of (await this.runtime("ListPodSandbox", {})).items)
      await this.runtime("RemovePodSandbox", { pod_sandbox_id: id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== undefined && this.#child.exitCode === null) await this.removeAll();
    this.#client?.close();
    await this.tare[Symbol.asyncDispose]();
  }
}

/** A killed daemon leaves its sockets behind. */
async function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const isAnswered = await promise;
  socket.destroy();
  return isAnswered;
}
