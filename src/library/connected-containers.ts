import { Duplex } from "node:stream";
import { formatCommitConfig } from "../api/image/commit-request.ts";
import type { CommitSettings } from "../model/commits.ts";
import type { ContainerSpec } from "../model/container-spec.ts";
import type { ExitStatus, StartTiming } from "../model/container-state.ts";
import type {
  ContainerDetails,
  ContainerFilter,
  ContainerSummary,
  Containers,
  ProcessTable,
} from "../model/containers.ts";
import type { DescriptorOptions } from "../model/descriptors.ts";
import type { ExecDetails, ExecSpec } from "../model/execs.ts";
import type { ContainerChange, CopiedPath, CopyIntoOptions, PathStat } from "../model/files.ts";
import type { ContainerHealth } from "../model/health.ts";
import { type ContainerReference, parseContainerId, parseExecId } from "../model/ids.ts";
import type { LogEntry, LogOptions } from "../model/logs.ts";
import type { PruneFilters, PrunedContainers } from "../model/prune.ts";
import type { ContainerStatistics, StatisticsOptions } from "../model/statistics.ts";
import type { AttachOptions, AttachedStream, TerminalSize } from "../model/streams.ts";
import type { ContainerUpdate } from "../model/updates.ts";
import { formatUnixTime } from "../base/timestamp.ts";
import { poll } from "../base/deadline.ts";
import type { Client } from "../client/client.ts";
import type { AttachedConnection } from "../client/transport.ts";
import type * as api from "../api/types/container.ts";
import { Failure, kindOf } from "../base/failure.ts";
import { createRequestOf, updateRequestOf } from "./create-request.ts";
import {
  containerDetailsOf,
  containerSummaryOf,
  healthOf,
  imageConfigOf,
  sizesOf,
  timingOf,
} from "./inspect-reply.ts";
import { parseLogLines } from "./log-lines.ts";
import { statisticsOf } from "./statistics.ts";
import { passDescriptors } from "./pass-descriptors.ts";

/** A week: there is no route that waits for an exec. */
const EXEC_WAIT_MS = 7 * 24 * 3600 * 1000;

const changeKinds = ["modified", "added", "deleted"] as const;

/** The containers of an engine behind a socket. */
export class ConnectedContainers implements Containers {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async create(spec: ContainerSpec): ReturnType<Containers["create"]> {
    const { name, ...rest } = spec;
    const reply = await this.#client.containers.create(createRequestOf(rest), { name });
    return { id: parseContainerId(reply.Id), warnings: reply.Warnings };
  }

  async start(reference: ContainerReference, options: DescriptorOptions = {}): Promise<StartTiming> {
    const descriptors = await passDescriptors(this.#client, options);
    const { isRunningAlready, timing } = await this.#client.containers.start(reference, { descriptors });
    if (isRunningAlready) {
      throw new Failure("conflict", `cannot start container "${reference}": it is running`, {
        details: { alreadyRunning: true },
      });
    }
    return timing === undefined ? { totalMs: 0, phases: [] } : timingOf(timing);
  }

  stop(
    reference: ContainerReference,
    options: { readonly signal?: string | undefined; readonly graceMs?: number | undefined } = {},
  ): Promise<boolean> {
    return this.#client.containers.stop(reference, inSeconds(options));
  }

  kill(reference: ContainerReference, options: { readonly signal?: string | undefined } = {}): Promise<void> {
    return this.#client.containers.kill(reference, options);
  }

  restart(
    reference: ContainerReference,
    options: { readonly signal?: string | undefined; readonly graceMs?: number | undefined } = {},
  ): Promise<void> {
    return this.#client.containers.restart(reference, inSeconds(options));
  }

  remove(reference: ContainerReference, options: Parameters<Containers["remove"]>[1] = {}): Promise<void> {
    return this.#client.containers.remove(reference, options);
  }

  async wait(
    reference: ContainerReference,
    options: {
      readonly until?: "not-running" | "next-exit" | "removed" | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<ExitStatus> {
    const { until = "not-running", signal } = options;
    const reply = await this.#client.containers.wait(reference, { condition: until, signal });
    const status = { code: reply.StatusCode, oomKilled: false };
    try {
      const { State: state } = await this.#client.containers.inspect(reference);
      return { ...status, oomKilled: state.OOMKilled, error: state.Error || undefined };
    } catch (thrown) {
      if (kindOf(thrown) === "not-found") return status; // it removed itself
      throw thrown;
    }
  }

  rename(reference: ContainerReference, name: string): Promise<void> {
    return this.#client.containers.rename(reference, name);
  }

  pause(reference: ContainerReference): Promise<void> {
    return this.#client.containers.pause(reference);
  }

  unpause(reference: ContainerReference): Promise<void> {
    return this.#client.containers.unpause(reference);
  }

  async checkHealth(reference: ContainerReference): Promise<ContainerHealth> {
    return healthOf(await this.#client.containers.checkHealth(reference));
  }

  async update(
    reference: ContainerReference,
    changes: ContainerUpdate,
  ): Promise<{ readonly warnings: readonly string[] }> {
    const { Warnings } = await this.#client.containers.update(reference, updateRequestOf(changes));
    return { warnings: Warnings ?? [] };
  }

  async top(
    reference: ContainerReference,
    { psOptions }: { readonly psOptions?: string | undefined } = {},
  ): Promise<ProcessTable> {
    const { Titles, Processes } = await this.#client.containers.top(reference, psOptions);
    return { titles: Titles, processes: Processes };
  }

  async *stats(
    reference: ContainerReference,
    options: StatisticsOptions = {},
  ): AsyncGenerator<ContainerStatistics, void, undefined> {
    const { signal } = options;
    try {
      for await (const reply of this.#client.containers.stats(reference, options)) yield statisticsOf(reply);
    } catch (thrown) {
      if (signal?.aborted !== true) throw thrown;
    }
  }

  resize(reference: ContainerReference, size: TerminalSize): Promise<void> {
    return this.#client.containers.resize(reference, size);
  }

  async attach(reference: ContainerReference, options: AttachOptions): Promise<AttachedStream> {
    const { terminal, duplex } = await this.#client.containers.attach(reference, {
      ...options,
      stream: options.stream ?? true,
    });
    if (terminal !== undefined) return { terminal, duplex: asDuplex(duplex) };
    const { Config: config } = await this.#client.containers.inspect(reference);
    return { terminal: config.Tty ?? false, duplex: asDuplex(duplex) };
  }

  logs(reference: ContainerReference, options: LogOptions = {}): AsyncIterable<LogEntry> {
    const { tail, signal, follow, stdout = true, stderr = true } = options;
    const since = momentText(options.sinceNs, options.sinceMs);
    const until = momentText(options.untilNs, options.untilMs);
    const frames = this.#client.containers.logs(reference, {
      stdout,
      stderr,
      timestamps: true,
      follow,
      since,
      until,
      tail: tail === undefined ? undefined : String(tail),
      signal,
    });
    return parseLogLines(frames);
  }

  async changes(reference: ContainerReference): Promise<readonly ContainerChange[]> {
    const changes = (await this.#client.containers.changes(reference)) ?? [];
    return changes.map(({ Path: path, Kind }) => ({ path, kind: changeKinds[Kind] }));
  }

  async *export(
    reference: ContainerReference,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Uint8Array, void> {
    yield* await this.#client.containers.export(reference, options);
  }

  statPath(reference: ContainerReference, path: string): Promise<PathStat> {
    return this.#client.containers.statPath(reference, path);
  }

  copyFrom(
    reference: ContainerReference,
    path: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<CopiedPath> {
    return this.#client.containers.copyFrom(reference, path, options);
  }

  copyInto(
    reference: ContainerReference,
    path: string,
    options: CopyIntoOptions & { readonly archive: AsyncIterable<Uint8Array> },
  ): Promise<void> {
    return this.#client.containers.copyInto(reference, path, options);
  }

  async commit(reference: ContainerReference, settings: CommitSettings = {}): Promise<string> {
    const { reference: repository, config = {}, ...rest } = settings;
    const body = { config: formatCommitConfig(config) };
    return (await this.#client.containers.commit(reference, { repository, ...rest, ...body })).Id;
  }

  async list(filter: ContainerFilter = {}): Promise<readonly ContainerSummary[]> {
    return await this.summarize(await this.#client.containers.list(filter));
  }

  /** Rows of a reply, each with the fields that only inspect reports. */
  async summarize(rows: readonly api.ContainerSummary[]): Promise<readonly ContainerSummary[]> {
    const found = await Promise.all(
      rows.map(async (row) => {
        try {
          const sizes = sizesOf(row);
          const summary = containerSummaryOf(row, await this.#client.containers.inspect(row.Id));
          return [sizes === undefined ? summary : { ...summary, sizes }];
        } catch (thrown) {
          if (kindOf(thrown) === "not-found") return []; // removed since
          throw thrown;
        }
      }),
    );
    return found.flat();
  }

  async prune(
    options: { readonly filters?: PruneFilters | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<PrunedContainers> {
    const report = await this.#client.containers.prune(options.filters);
    return {
      removed: (report.ContainersDeleted ?? []).map(parseContainerId),
      freedBytes: report.SpaceReclaimed,
    };
  }

  async inspect(
    reference: ContainerReference,
    options: { readonly size?: boolean | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ContainerDetails> {
    const reply = await this.#client.containers.inspect(reference, options);
    const details = containerDetailsOf(reply, imageConfigOf(await this.#client.images.inspect(reply.Image)));
    const sizes = sizesOf(reply);
    return sizes === undefined ? details : { ...details, sizes };
  }

  async createExec(reference: ContainerReference, spec: ExecSpec): Promise<string> {
    const { consoleSize } = spec;
    const reply = await this.#client.containers.createExec(reference, {
      Cmd: spec.command,
      Env: spec.env ?? [],
      Tty: spec.terminal ?? false,
      AttachStdin: spec.attachStdin ?? false,
      AttachStdout: spec.attachStdout ?? false,
      AttachStderr: spec.attachStderr ?? false,
      Privileged: spec.privileged ?? false,
      User: spec.user ?? "",
      WorkingDir: spec.workingDirectory ?? "",
      DetachKeys: spec.detachKeys,
      ConsoleSize: consoleSize && [consoleSize.rows, consoleSize.columns],
    });
    return reply.Id;
  }

  async startExec(
    id: string,
    options: DescriptorOptions & {
      readonly detach?: boolean | undefined;
      readonly consoleSize?: TerminalSize | undefined;
    } = {},
  ): Promise<AttachedStream | undefined> {
    const descriptors = await passDescriptors(this.#client, options);
    const terminal = (await this.#client.executions.inspect(id)).ProcessConfig.tty;
    if (options.detach === true) {
      await this.#client.executions.startDetached(id, { terminal, descriptors });
      return undefined;
    }
    const size = options.consoleSize ?? {};
    const { duplex } = await this.#client.executions.start(id, { terminal, descriptors, ...size });
    return { terminal, duplex: asDuplex(duplex) };
  }

  resizeExec(id: string, size: TerminalSize): Promise<void> {
    return this.#client.executions.resize(id, size);
  }

  async inspectExec(id: string): Promise<ExecDetails> {
    const reply = await this.#client.executions.inspect(id);
    const { entrypoint, arguments: rest, tty, privileged, user } = reply.ProcessConfig;
    return {
      id: parseExecId(reply.ID),
      containerId: parseContainerId(reply.ContainerID),
      spec: {
        command: [entrypoint, ...rest],
        terminal: tty,
        privileged,
        attachStdin: reply.OpenStdin,
        attachStdout: reply.OpenStdout,
        attachStderr: reply.OpenStderr,
        user,
      },
      state: reply.Running
        ? { status: "running", pid: reply.Pid }
        : reply.ExitCode === null
          ? { status: "created" }
          : { status: "exited", code: reply.ExitCode, pid: reply.Pid || undefined },
    };
  }

  async waitExec(
    id: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ExitStatus> {
    return await poll(
      async () => {
        const { ExitCode: code } = await this.#client.executions.inspect(id);
        return code === null ? undefined : { code, oomKilled: false };
      },
      { everyMs: 20, timeoutMs: EXEC_WAIT_MS, what: `wait for exec session "${id}"`, signal: options.signal },
    );
  }
}

function inSeconds(options: {
  readonly signal?: string | undefined;
  readonly graceMs?: number | undefined;
}): {
  signal?: string | undefined;
  graceSeconds?: number | undefined;
} {
  return {
    signal: options.signal,
    graceSeconds: options.graceMs === undefined ? undefined : Math.ceil(options.graceMs / 1000),
  };
}

function momentText(ns: bigint | undefined, ms: number | undefined): string | undefined {
  if (ns !== undefined) return formatUnixTime(ns);
  return ms === undefined ? undefined : timeText(ms);
}

export function timeText(ms: number): string {
  return formatUnixTime(BigInt(Math.round(ms * 1000)) * 1000n);
}

/** The library's clients connect by node:net, whose sockets are streams. */
function asDuplex(socket: AttachedConnection["duplex"]): Duplex {
  if (socket instanceof Duplex) return socket;
  throw new Failure("internal", "cannot use the connection: it is no stream");
}
