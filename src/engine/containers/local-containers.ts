import { requireDescriptors } from "../../linux/process/descriptor-budget.ts";
import type { CommitSettings } from "../../model/commits.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerAction } from "../../model/engine-meter.ts";
import type { ExitStatus, StartTiming } from "../../model/container-state.ts";
import type {
  ContainerDetails,
  ContainerFilter,
  ContainerSummary,
  Containers,
  CreateOptions,
  ProcessTable,
} from "../../model/containers.ts";
import type { DescriptorOptions } from "../../model/descriptors.ts";
import type { ExecDetails, ExecSpec } from "../../model/execs.ts";
import type { ContainerChange, CopiedPath, CopyIntoOptions, PathStat } from "../../model/files.ts";
import type { ContainerHealth } from "../../model/health.ts";
import type { ContainerId, ContainerReference } from "../../model/ids.ts";
import type { LogEntry, LogOptions } from "../../model/logs.ts";
import type { PruneFilters, PrunedContainers } from "../../model/prune.ts";
import type { ContainerStatistics, StatisticsOptions } from "../../model/statistics.ts";
import type { AttachOptions, AttachedStream, TerminalSize } from "../../model/streams.ts";
import type { ContainerUpdate } from "../../model/updates.ts";
import { Failure } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { resolveHealthCheck } from "../resolve/health-check.ts";
import { attachContainer } from "./streams/attach.ts";
import { listContainerChanges } from "./files/changes.ts";
import { removeLink } from "../networks/links.ts";
import { plansOf } from "../networks/join-networks.ts";
import { announceEndpoint } from "../networks/names.ts";
import { type ContainerContext, isRunning } from "../context.ts";
import { containerEvent } from "../describe-event.ts";
import { commitContainer } from "./files/commit.ts";
import { copyFromContainer, copyIntoContainer, statContainerPath } from "./files/copy.ts";
import { createContainer, reserveName } from "./lifecycle/create.ts";
import { describeContainer } from "./inspect/describe-container.ts";
import { createExec, getLive, startExec } from "./exec/exec.ts";
import { exportContainer } from "./files/export.ts";
import { getContainer } from "../find-container.ts";
import { forReading, inRealm, type Realm, realmOf } from "../realm.ts";
import { listContainers } from "./inspect/list.ts";
import { containerLogs } from "./streams/logs.ts";
import { pauseContainer, unpauseContainer } from "./lifecycle/pause.ts";
import { pruneContainers } from "./lifecycle/prune.ts";
import { findSizes, withSizes } from "./inspect/sizes.ts";
import { startContainer } from "./lifecycle/start.ts";
import {
  killContainer,
  removeContainer,
  restartContainer,
  stopContainer,
  type StopOptions,
} from "./lifecycle/stop.ts";
import { listProcesses } from "./inspect/top.ts";
import { updateContainer } from "./lifecycle/update.ts";
import { orCanceled, waitContainer } from "./lifecycle/wait.ts";

/** The containers of one data root. */
export class LocalContainers implements Containers {
  readonly #context: ContainerContext;
  readonly #realm: Realm;

  /** Containers of another realm are not found, but see forReading(). */
  constructor(context: ContainerContext, { realm = "engine" }: { readonly realm?: Realm | undefined } = {}) {
    this.#context = context;
    this.#realm = realm;
  }

  #own(reference: ContainerReference): ContainerReference {
    return inRealm(this.#context.state, reference, this.#realm);
  }

  #readable(reference: ContainerReference): ContainerReference {
    return forReading(this.#context.state, reference, this.#realm);
  }

  async create(
    spec: ContainerSpec,
    { startsNext = false }: CreateOptions = {},
  ): Promise<{ readonly id: ContainerId; readonly warnings: readonly string[] }> {
    if (realmOf({ spec }) !== this.#realm)
      throw new Failure("invalid", "cannot create the container: only the CRI creates containers of the CRI");
    return await this.#measure("create", () => createContainer(this.#context, spec, { startsNext }));
  }

  async start(reference: ContainerReference, options: DescriptorOptions = {}): Promise<StartTiming> {
    using taken = this.#context.descriptors.take(options);
    const { descriptors } = this.#context.dependencies;
    if (descriptors !== undefined) requireDescriptors("start the container", descriptors);
    return await startContainer(this.#context, this.#own(reference), taken.fds);
  }

  async stop(reference: ContainerReference, options: StopOptions = {}): Promise<boolean> {
    return await stopContainer(this.#context, this.#own(reference), options);
  }

  async kill(
    reference: ContainerReference,
    options: { readonly signal?: string | undefined } = {},
  ): Promise<void> {
    await killContainer(this.#context, this.#own(reference), options);
  }

  async restart(reference: ContainerReference, options: StopOptions = {}): Promise<void> {
    await restartContainer(this.#context, this.#own(reference), options);
  }

  async remove(
    reference: ContainerReference,
    options: Parameters<Containers["remove"]>[1] = {},
  ): Promise<void> {
    if (options.link === true) await removeLink(this.#context, reference);
    else await removeContainer(this.#context, this.#own(reference), options);
  }

  async wait(
    reference: ContainerReference,
    options: {
      readonly until?: "not-running" | "next-exit" | "removed" | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<ExitStatus> {
    return await waitContainer(this.#context, this.#own(reference), options);
  }

  async rename(reference: ContainerReference, name: string): Promise<void> {
    const { id } = getContainer(this.#context.state, this.#own(reference));
    if (name === "" || name === "/")
      throw new Failure("invalid", "cannot rename the container: the new name is empty");
    using _ = await this.#context.locks.acquire(id);
    const record = getContainer(this.#context.state, id);
    if (name.replace(/^\//, "") === record.name) {
      throw new Failure("invalid", "Renaming a container with the same name as its current name");
    }
    using reserved = reserveName(this.#context, { wanted: name, id });
    const renamed = { ...record, name: reserved.text };
    fault("rename.reserved");
    const event = containerEvent(renamed, "rename", { oldName: `/${record.name}` });
    this.#context.state.putContainer(renamed, { events: [event] });
    fault("rename.recorded");
    if (isRunning(renamed)) announceEndpoint(this.#context, renamed, { plans: plansOf(renamed) });
  }

  async pause(reference: ContainerReference): Promise<void> {
    await pauseContainer(this.#context, this.#own(reference));
  }

  async checkHealth(reference: ContainerReference): Promise<ContainerHealth> {
    const record = getContainer(this.#context.state, this.#own(reference));
    if (resolveHealthCheck(record.spec, record.imageConfig.defaults) === undefined)
      throw new Failure("conflict", `container "${record.name}" has no defined healthcheck`);
    getLive(this.#context, record);
    await this.#context.health.run(record.id);
    const { health } = getContainer(this.#context.state, record.id);
    if (health === undefined) throw new Failure("conflict", `container "${record.name}" has no health`);
    return health;
  }

  async unpause(reference: ContainerReference): Promise<void> {
    await unpauseContainer(this.#context, this.#own(reference));
  }

  async update(
    reference: ContainerReference,
    changes: ContainerUpdate,
  ): Promise<{ readonly warnings: readonly string[] }> {
    return await updateContainer(this.#context, this.#own(reference), changes);
  }

  async top(
    reference: ContainerReference,
    options: { readonly psOptions?: string | undefined } = {},
  ): Promise<ProcessTable> {
    return listProcesses(this.#context, this.#readable(reference), options);
  }

  async *stats(
    reference: ContainerReference,
    options: StatisticsOptions = {},
  ): AsyncGenerator<ContainerStatistics, void, undefined> {
    const { containerStatistics } = await import("./inspect/stats.ts"); // an idle daemon does not hold it
    yield* containerStatistics(this.#context, this.#readable(reference), options);
  }

  async resize(reference: ContainerReference, size: TerminalSize): Promise<void> {
    const record = getContainer(this.#context.state, this.#own(reference));
    await getLive(this.#context, record).kept.resize(size);
    const attributes = { height: String(size.rows), width: String(size.columns) };
    this.#context.state.events.record(containerEvent(record, "resize", attributes));
  }

  async attach(reference: ContainerReference, options: AttachOptions): Promise<AttachedStream> {
    return await attachContainer(this.#context, this.#own(reference), options);
  }

  logs(reference: ContainerReference, options: LogOptions = {}): AsyncIterable<LogEntry> {
    return containerLogs(this.#context, this.#readable(reference), options);
  }

  async changes(reference: ContainerReference): Promise<readonly ContainerChange[]> {
    return await this.#measure("changes", () => listContainerChanges(this.#context, this.#own(reference)));
  }

  export(
    reference: ContainerReference,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<Uint8Array> {
    return exportContainer(this.#context, this.#own(reference), options);
  }

  async statPath(reference: ContainerReference, path: string): Promise<PathStat> {
    return await statContainerPath(this.#context, this.#own(reference), path);
  }

  async copyFrom(
    reference: ContainerReference,
    path: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<CopiedPath> {
    return await copyFromContainer(this.#context, this.#own(reference), { ...options, path });
  }

  async copyInto(
    reference: ContainerReference,
    path: string,
    options: CopyIntoOptions & { readonly archive: AsyncIterable<Uint8Array> },
  ): Promise<void> {
    await copyIntoContainer(this.#context, this.#own(reference), { ...options, path });
  }

  async commit(reference: ContainerReference, settings: CommitSettings = {}): Promise<string> {
    return await this.#measure("commit", () =>
      commitContainer(this.#context, this.#own(reference), settings),
    );
  }

  async #measure<T>(action: ContainerAction, run: () => Promise<T>): Promise<T> {
    const begunAt = performance.now();
    const result = await run();
    this.#context.meter?.containerAction(action, performance.now() - begunAt);
    return result;
  }

  get revision(): number {
    return this.#context.state.revision;
  }

  async list(filter: ContainerFilter = {}): Promise<readonly ContainerSummary[]> {
    const found = listContainers(this.#context, filter);
    return filter.size === true ? await withSizes(this.#context, found, filter) : found;
  }

  async inspect(
    reference: ContainerReference,
    options: { readonly size?: boolean | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ContainerDetails> {
    const record = getContainer(this.#context.state, this.#readable(reference));
    const details = await describeContainer(this.#context, record);
    const sizes = options.size === true ? await findSizes(this.#context, record, options) : undefined;
    return sizes === undefined ? details : { ...details, sizes };
  }

  async prune(
    options: { readonly filters?: PruneFilters | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<PrunedContainers> {
    return await pruneContainers(this.#context, options);
  }

  async createExec(reference: ContainerReference, spec: ExecSpec): Promise<string> {
    return createExec(this.#context, this.#own(reference), spec);
  }

  async startExec(
    id: string,
    {
      detach = false,
      consoleSize,
      ...descriptors
    }: DescriptorOptions & {
      readonly detach?: boolean | undefined;
      readonly consoleSize?: TerminalSize | undefined;
    } = {},
  ): Promise<AttachedStream | undefined> {
    using taken = this.#context.descriptors.take(descriptors);
    const size = consoleSize === undefined ? {} : { consoleSize };
    return await startExec(this.#context, id, { detach, ...size, preserveFds: taken.fds });
  }

  async resizeExec(id: string, size: TerminalSize): Promise<void> {
    const { kept } = this.#context.execs.get(id);
    if (kept === undefined)
      throw new Failure("conflict", `cannot resize exec session "${id}": it is not running`);
    await kept.resize(size);
  }

  async inspectExec(id: string): Promise<ExecDetails> {
    const { id: known, containerId, spec, state } = this.#context.execs.get(id);
    return {
      id: known,
      containerId,
      spec,
      state: state.status === "starting" ? { status: "created" } : state,
    };
  }

  async waitExec(
    id: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ExitStatus> {
    const { ended } = this.#context.execs.get(id);
    return await orCanceled(ended, options.signal);
  }
}
