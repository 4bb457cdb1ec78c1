import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { sentenceOf } from "../../base/failure.ts";
import { log } from "../../base/log.ts";
import type { Engine, EngineEvent, EngineInfo } from "../../model/engine.ts";
import type { ContainerAction, EngineMeter } from "../../model/engine-meter.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { readDiskSpace } from "./disk-space.ts";

/** In seconds: those of Docker's metrics, and two below them. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** All of them are there from the beginning: a query finds zero instead of nothing. */
const containerActions: readonly ContainerAction[] = ["changes", "commit", "create", "delete", "start"];

/**
 * The metrics of one daemon, under dockerd's names where they mean the same. Load it only where metrics are wanted:
 * it loads prom-client. SPEC: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export class DaemonMetrics implements EngineMeter {
  readonly #registry = new Registry();
  readonly #containerActions: Histogram<"action">;
  readonly #networkActions: Histogram<"action">;
  readonly #checks: Counter;
  readonly #failedChecks: Counter;
  readonly #events: Counter;
  readonly #exits: Counter<"status">;
  readonly #oomKills: Counter;
  readonly #states: Gauge<"state">;
  readonly #images: Gauge;
  readonly #disk: Gauge<"kind">;
  readonly #build: { readonly version: string; readonly commit: string };

  constructor(build: { readonly version: string; readonly commit: string }) {
    this.#build = build;
    const registers = [this.#registry];
    this.#containerActions = new Histogram({
      name: "engine_daemon_container_actions_seconds",
      help: "The number of seconds it takes to process each container action",
      labelNames: ["action"],
      buckets,
      registers,
    });
    for (const action of containerActions) this.#containerActions.zero({ action });
    this.#networkActions = new Histogram({
      name: "engine_daemon_network_actions_seconds",
      help: "The number of seconds it takes to process each network action",
      labelNames: ["action"],
      buckets,
      registers,
    });
    for (const action of ["allocate", "release"]) this.#networkActions.zero({ action });
    this.#checks = new Counter({
      name: "engine_daemon_health_checks_total",
      help: "The total number of health checks",
      registers,
    });
    this.#failedChecks = new Counter({
      name: "engine_daemon_health_checks_failed_total",
      help: "The total number of failed health checks",
      registers,
    });
    this.#events = new Counter({
      name: "engine_daemon_events_total",
      help: "The number of events logged",
      registers,
    });
    this.#exits = new Counter({
      name: "tare_container_exits_total",
      help: "The number of containers that ended, by success (exit code 0) and failure",
      labelNames: ["status"],
      registers,
    });
    for (const status of ["success", "failure"]) this.#exits.inc({ status }, 0);
    this.#oomKills = new Counter({
      name: "tare_container_oom_events_total",
      help: "The number of times that a container ran out of memory",
      registers,
    });
    this.#states = new Gauge({
      name: "engine_daemon_container_states_containers",
      help: "The count of containers in various states",
      labelNames: ["state"],
      registers,
    });
    this.#images = new Gauge({ name: "tare_images", help: "The number of images", registers });
    this.#disk = new Gauge({
      name: "tare_data_root_bytes",
      help: "The file system of the data root: its size, and what is available",
      labelNames: ["kind"],
      registers,
    });
    addProcessMetrics(this.#registry);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  containerAction(action: ContainerAction, ms: number): void {
    this.#containerActions.observe({ action }, ms / 1000);
  }

  networkAction(action: "allocate" | "release", ms: number): void {
    this.#networkActions.observe({ action }, ms / 1000);
  }

  healthCheck(result: "passed" | "failed"): void {
    this.#checks.inc();
    if (result === "failed") this.#failedChecks.inc();
  }

  /** Describes the engine and counts its events, until the signal. Never rejects. */
  async follow(engine: Engine, signal: AbortSignal): Promise<void> {
    try {
      this.#describe(await engine.info());
      // A watcher that falls behind is cut off; the next one goes on.
      while (!signal.aborted) for await (const event of engine.events({ signal })) this.#count(event);
    } catch (thrown) {
      if (!signal.aborted) log("warning", `cannot count the events for the metrics: ${sentenceOf(thrown)}`);
    }
  }

  /** The text of all metrics. */
  async read(engine: Engine): Promise<string> {
    const info = await engine.info();
    for (const state of ["running", "paused", "stopped"] as const)
      this.#states.set({ state }, info.containers[state]);
    this.#images.set(info.images);
    const { sizeBytes, availableBytes } = await readDiskSpace(info.dataRoot);
    this.#disk.set({ kind: "size" }, sizeBytes);
    this.#disk.set({ kind: "available" }, availableBytes);
    return await this.#registry.metrics();
  }

  #count({ type, action, actor }: EngineEvent): void {
    this.#events.inc();
    if (type !== "container") return;
    if (action === "oom") this.#oomKills.inc();
    if (action === "die")
      this.#exits.inc({ status: actor.attributes["exitCode"] === "0" ? "success" : "failure" });
  }

  #describe(info: EngineInfo): void {
    const registers = [this.#registry];
    const labels = {
      architecture: info.architecture,
      commit: this.#build.commit,
      daemon_id: info.id,
      graphdriver: info.storage.driver,
      kernel: info.kernelVersion,
      os: info.operatingSystem,
      os_type: "linux",
      version: this.#build.version,
    };
    new Gauge({
      name: "engine_daemon_engine_info",
      help: "The information related to the engine and the OS it is running on",
      labelNames: Object.keys(labels),
      registers,
    }).set(labels, 1);
    new Gauge({
      name: "engine_daemon_engine_cpus_cpus",
      help: "The number of cpus that the host system of the engine has",
      registers,
    }).set(info.cpus);
    new Gauge({
      name: "engine_daemon_engine_memory_bytes",
      help: "The number of bytes of memory that the host system of the engine has",
      registers,
    }).set(info.memoryBytes);
  }
}
