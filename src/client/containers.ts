import type { ArchivePathStat } from "../api/container/path-stat.ts";
import { type Filters, formatFilters } from "../api/http/filters.ts";
import { maximumVersion } from "../api/http/version.ts";
import { decodeFrames, type Frame, multiplexedStreamType } from "../spec/stream-frames.ts";
import type { ContainerConfig } from "../api/types/container-config.ts";
import type {
  ContainerChange,
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerSummary,
  ContainerTopResponse,
  ContainerWaitResponse,
  Health,
  StartTiming,
} from "../api/types/container.ts";
import type { HostConfig } from "../api/types/host-config.ts";
import type { ContainerStats } from "../api/types/statistics.ts";
import type { ContainersPruneReport } from "../api/types/usage.ts";
import type { ExecCreateRequest, IdResponse } from "../api/types/exec.ts";
import { segment } from "./query.ts";
import { exitOf, findTiming, runContainer, startAttached } from "./run-container.ts";
import type { AttachedConnection, Transport } from "./transport.ts";
import type { AttachParameters, StartedRun, WaitCondition } from "./started-run.ts";

export interface Signaled {
  readonly signal?: AbortSignal | undefined;
}

export interface LogParameters {
  readonly follow?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  /** Seconds since 1970 with an optional fraction, or RFC 3339. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly timestamps?: boolean | undefined;
  readonly details?: boolean | undefined;
  /** A number of lines or `all`. */
  readonly tail?: string | undefined;
}

export interface CopiedArchive extends Disposable {
  readonly stat: ArchivePathStat;
  readonly archive: AsyncIterable<Uint8Array>;
}

/** Calls of `/containers`. A container is named by its name, its id or the beginning of its id. */
export class ContainersClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Its ports may be ranges, as `8000-8010/tcp`. */
  async create(
    request: ContainerCreateRequest,
    options: { readonly name?: string | undefined; readonly platform?: string | undefined } & Signaled = {},
  ): Promise<ContainerCreateResponse> {
    const { name, platform, signal } = options;
    const query = { name, platform };
    const json = await this.#spellOut(request);
    return await this.#transport.json({ method: "POST", path: "/containers/create", query, json, signal });
  }

  list(
    options: {
      readonly all?: boolean | undefined;
      readonly limit?: number | undefined;
      readonly size?: boolean | undefined;
      readonly filters?: Filters | undefined;
    } & Signaled = {},
  ): Promise<ContainerSummary[]> {
    const { all, limit, size, signal } = options;
    const query = { all, limit, size, filters: formatFilters(options.filters) };
    return this.#transport.json({ method: "GET", path: "/containers/json", query, signal });
  }

  /** Docker's filters: label, label!, until. */
  prune(filters: Filters = {}): Promise<ContainersPruneReport> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "POST", path: "/containers/prune", query });
  }

  inspect(
    reference: string,
    { size, signal }: { readonly size?: boolean | undefined } & Signaled = {},
  ): Promise<ContainerInspect> {
    return this.#transport.json({ method: "GET", path: `${at(reference)}/json`, query: { size }, signal });
  }

  /** `isRunningAlready` is no failure, as in Docker. The timing is Tare's own. */
  async start(
    reference: string,
    {
      detachKeys,
      descriptors,
    }: { readonly detachKeys?: string | undefined; readonly descriptors?: string | undefined } = {},
  ): Promise<{ readonly isRunningAlready: boolean; readonly timing?: StartTiming | undefined }> {
    const query = { detachKeys, descriptors };
    const reply = await this.#transport.call({ method: "POST", path: `${at(reference)}/start`, query });
    await reply.text();
    const timing = findTiming(reply.header("tare-timing"));
    return { isRunningAlready: reply.status === 304, timing };
  }

  /**
   * Creates and runs a container with one request and attaches its streams; requires a daemon of the same build.
   * Rejects as create() does. `started` reports what follows the creation and rejects as start() does, even when no
   * caller awaits it; then nothing stays open. A daemon other than Tare's creates the container only: then `started` is
   * absent.
   */
  async run(
    request: ContainerCreateRequest,
    {
      name,
      streams,
      until,
    }: {
      readonly name?: string | undefined;
      readonly streams: AttachParameters;
      readonly until: WaitCondition;
    },
  ): Promise<ContainerCreateResponse & { readonly started: Promise<StartedRun> | undefined }> {
    const json = await this.#spellOut(request);
    return await runContainer(this.#transport, json, { name, streams, until });
  }

  /**
   * Asks at once for the streams, the start and the end of a container that does not run: for a daemon of our own
   * build. No byte and no exit is missed. Rejects as attach() or start() does; then nothing is left open.
   */
  async startAttached(
    id: string,
    {
      streams,
      until,
      descriptors,
    }: {
      readonly streams: AttachParameters;
      readonly until: WaitCondition;
      readonly descriptors: string | undefined;
    },
  ): Promise<StartedRun> {
    return await startAttached(this.#transport, {
      attaching: this.attach(id, streams),
      path: `${at(id)}/start`,
      query: { attached: true, until, descriptors },
    });
  }

  /** False when it did not run. A grace of −1 s waits without end. */
  async stop(
    reference: string,
    {
      signal,
      graceSeconds,
    }: { readonly signal?: string | undefined; readonly graceSeconds?: number | undefined } = {},
  ): Promise<boolean> {
    const query = { signal, t: graceSeconds };
    return (await this.#transport.status({ method: "POST", path: `${at(reference)}/stop`, query })) !== 304;
  }

  async restart(
    reference: string,
    {
      signal,
      graceSeconds,
    }: { readonly signal?: string | undefined; readonly graceSeconds?: number | undefined } = {},
  ): Promise<void> {
    const query = { signal, t: graceSeconds };
    await this.#transport.status({ method: "POST", path: `${at(reference)}/restart`, query });
  }

  async kill(reference: string, { signal }: { readonly signal?: string | undefined } = {}): Promise<void> {
    await this.#transport.status({ method: "POST", path: `${at(reference)}/kill`, query: { signal } });
  }

  async update(
    reference: string,
    resources: HostConfig,
  ): Promise<{ readonly Warnings: readonly string[] | null }> {
    const { isSameBuild } = this.#transport;
    const json = isSameBuild ? resources : (await loadSpelling()).spellOutHostConfig(resources);
    return await this.#transport.json({
      method: "POST",
      path: `${at(reference)}/update`,
      json,
      version: maximumVersion, // since 1.55 with limits of single devices
    });
  }

  async pause(reference: string): Promise<void> {
    await this.#transport.status({ method: "POST", path: `${at(reference)}/pause` });
  }

  async unpause(reference: string): Promise<void> {
    await this.#transport.status({ method: "POST", path: `${at(reference)}/unpause` });
  }

  /** Runs the health check now; the result is the last of the log. */
  checkHealth(reference: string): Promise<Health> {
    return this.#transport.json({ method: "POST", path: `/tare${at(reference)}/healthcheck` });
  }

  async rename(reference: string, name: string): Promise<void> {
    await this.#transport.status({ method: "POST", path: `${at(reference)}/rename`, query: { name } });
  }

  async remove(
    reference: string,
    options: {
      readonly force?: boolean | undefined;
      readonly volumes?: boolean | undefined;
      readonly link?: boolean | undefined;
    } = {},
  ): Promise<void> {
    const query = { force: options.force, v: options.volumes, link: options.link };
    await this.#transport.status({ method: "DELETE", path: at(reference), query });
  }

  /** Waits for the end; beginWait() is for callers that start it afterwards. */
  async wait(
    reference: string,
    options: { readonly condition?: WaitCondition | undefined } & Signaled = {},
  ): Promise<ContainerWaitResponse> {
    return await (await this.beginWait(reference, options)).exit;
  }

  /**
   * Resolves as soon as the daemon waits for the container, so that no later exit is missed; `exit` is the result.
   * `exit` rejects when the connection breaks, even when no caller awaits it.
   */
  async beginWait(
    reference: string,
    { condition, signal }: { readonly condition?: WaitCondition | undefined } & Signaled = {},
  ): Promise<{ readonly exit: Promise<ContainerWaitResponse> }> {
    const path = `${at(reference)}/wait`;
    const reply = await this.#transport.call({ method: "POST", path, query: { condition }, signal });
    return { exit: exitOf(reply) };
  }

  async resize(reference: string, size: { readonly columns: number; readonly rows: number }): Promise<void> {
    const query = { h: size.rows, w: size.columns };
    await this.#transport.status({ method: "POST", path: `${at(reference)}/resize`, query });
  }

  attach(reference: string, options: AttachParameters & Signaled = {}): Promise<AttachedConnection> {
    const { signal, ...query } = options;
    return this.#transport.attach({
      method: "POST",
      path: `${at(reference)}/attach`,
      query: { ...query },
      signal,
    });
  }

  /**
   * The log of a terminal arrives as "stdout". Long lines arrive in several entries; leaving the loop closes the
   * connection.
   */
  async *logs(
    reference: string,
    options: LogParameters & Signaled = {},
  ): AsyncGenerator<Frame, void, undefined> {
    const { isFramed, bytes } = await this.openLogs(reference, options);
    if (isFramed) yield* decodeFrames(bytes);
    else for await (const piece of bytes) yield { stream: "stdout", bytes: piece };
  }

  /**
   * The log as the daemon sends it: in frames, or a terminal's raw bytes. To be read to its end, or left by return().
   */
  async openLogs(
    reference: string,
    { signal, ...query }: LogParameters & Signaled = {},
  ): Promise<{ readonly isFramed: boolean; readonly bytes: AsyncGenerator<Buffer, void, undefined> }> {
    const path = `${at(reference)}/logs`;
    const reply = await this.#transport.call({ method: "GET", path, query: { ...query }, signal });
    const isFramed = (reply.header("content-type") ?? "").startsWith(multiplexedStreamType);
    return { isFramed, bytes: reply[Symbol.asyncIterator]() };
  }

  /** Null, not an empty list, where nothing differs. */
  changes(reference: string): Promise<readonly ContainerChange[] | null> {
    return this.#transport.json({ method: "GET", path: `${at(reference)}/changes` });
  }

  /** The root file system as tar. To be read to its end, or left by return(). */
  async export(
    reference: string,
    { signal }: Signaled = {},
  ): Promise<AsyncGenerator<Buffer, void, undefined>> {
    const reply = await this.#transport.call({ method: "GET", path: `${at(reference)}/export`, signal });
    return reply[Symbol.asyncIterator]();
  }

  /** Describes a path; a symbolic link itself, unless a slash follows it. Failure("not-found"). */
  async statPath(reference: string, path: string): Promise<ArchivePathStat> {
    const reply = await this.#transport.call({
      method: "HEAD",
      path: `${at(reference)}/archive`,
      query: { path },
    });
    await reply.text();
    const { decodePathStat, pathStatHeader } = await loadPathStat();
    return decodePathStat(reply.header(pathStatHeader));
  }

  /** A file or directory as tar, to be read; disposing ends one that was not read to its end. */
  async copyFrom(reference: string, path: string, { signal }: Signaled = {}): Promise<CopiedArchive> {
    const reply = await this.#transport.call({
      method: "GET",
      path: `${at(reference)}/archive`,
      query: { path },
      signal,
    });
    const { decodePathStat, pathStatHeader } = await loadPathStat();
    return {
      stat: decodePathStat(reply.header(pathStatHeader)),
      archive: reply[Symbol.asyncIterator](),
      [Symbol.dispose]: () => reply[Symbol.dispose](),
    };
  }

  /** Unpacks a tar into a directory. */
  async copyInto(
    reference: string,
    path: string,
    options: {
      readonly archive: AsyncIterable<Uint8Array>;
      readonly keepsKinds?: boolean | undefined;
      readonly asContainerUser?: boolean | undefined;
    } & Signaled,
  ): Promise<void> {
    const { archive, keepsKinds, asContainerUser, signal } = options;
    await this.#transport.status({
      method: "PUT",
      path: `${at(reference)}/archive`,
      query: { path, noOverwriteDirNonDir: keepsKinds, copyUIDGID: asContainerUser },
      stream: archive,
      headers: { "Content-Type": "application/x-tar" },
      signal,
    });
  }

  /** Makes an image of the container. */
  commit(
    reference: string,
    options: {
      readonly repository?: string | undefined;
      readonly tag?: string | undefined;
      readonly message?: string | undefined;
      readonly author?: string | undefined;
      readonly changes?: readonly string[] | undefined;
      readonly pause?: boolean | undefined;
      readonly config?: ContainerConfig | undefined;
    } & Signaled = {},
  ): Promise<IdResponse> {
    const { repository, message, pause, config, signal, ...rest } = options;
    // Pauses by default.
    const query = {
      container: reference,
      repo: repository,
      comment: message,
      ...rest,
      pause: pause === false ? "0" : undefined,
    };
    const json = config === undefined ? {} : { json: config };
    return this.#transport.json({ method: "POST", path: "/commit", query, ...json, signal });
  }

  top(reference: string, psArguments?: string): Promise<ContainerTopResponse> {
    return this.#transport.json({
      method: "GET",
      path: `${at(reference)}/top`,
      query: { ps_args: psArguments },
    });
  }

  /** One a second until it is removed; "once" gives a single one, "at once" without the CPU's share. */
  stats(
    reference: string,
    { samples, signal }: { readonly samples?: "stream" | "once" | "at once" | undefined } & Signaled = {},
  ): AsyncGenerator<ContainerStats, void, undefined> {
    const query = {
      stream: samples === undefined || samples === "stream" ? undefined : "0", // it streams by default
      "one-shot": samples === "at once",
    };
    return this.#transport.lines({ method: "GET", path: `${at(reference)}/stats`, query, signal });
  }

  createExec(reference: string, request: ExecCreateRequest): Promise<IdResponse> {
    return this.#transport.json({ method: "POST", path: `${at(reference)}/exec`, json: request });
  }

  /** Expands the short form of this build's requests, as Docker's daemon expects them. */
  async #spellOut(request: ContainerCreateRequest): Promise<ContainerCreateRequest> {
    return this.#transport.isSameBuild ? request : (await loadSpelling()).spellOutRequest(request);
  }
}

// Loaded only when it is needed.
const loadSpelling = (): Promise<typeof import("../api/container/spell-out-request.ts")> =>
  import("../api/container/spell-out-request.ts");
const loadPathStat = (): Promise<typeof import("../api/container/path-stat.ts")> =>
  import("../api/container/path-stat.ts");

function at(reference: string): string {
  return `/containers/${segment(reference)}`;
}
