import type { GrpcServer } from "../grpc/server.ts";
import type { CriObject } from "../engine/cri-engine.ts";
import type { CriContainerSettings, CriSandboxSettings } from "../model/cri.ts";
import { type Message, type Reply, serverStream, unary } from "./codings.ts";
import { containersOf, type CriContext, getContainer, getSandbox } from "./cri-context.ts";
import { containerState } from "./map/enums.ts";
import { containerStatsFilter, sandboxStatsFilter } from "./map/filters.ts";
import { containerMetrics, metricDescriptors, podMetrics } from "./map/metrics.ts";
import { encodeContainerStats, encodeSandboxStats } from "./map/statistics.ts";
import { containerStateOf } from "./map/status.ts";
import { sendInParts } from "./send-in-parts.ts";
import { CriStatistics } from "./statistics.ts";

const service = "runtime.v1.RuntimeService";
type Sandbox = CriObject<CriSandboxSettings>;
type Container = CriObject<CriContainerSettings>;

/** SPEC: runtime.v1, statistics and metrics. */
export function serveStats(server: GrpcServer, context: CriContext): void {
  const measurements = new Measurements(context);
  unary(server, `${service}/ContainerStats`, async ({ container_id: id }) => ({
    stats: await measurements.container(getContainer(context, id)),
  }));
  unary(server, `${service}/ListContainerStats`, async ({ filter }) => ({
    stats: await measurements.containers(filter),
  }));
  serverStream(server, `${service}/StreamContainerStats`, async ({ filter }, send, { signal }) => {
    const stats = await measurements.containers(filter);
    await sendInParts(stats, async (part) => await send({ container_stats: part }), signal);
  });
  unary(server, `${service}/PodSandboxStats`, async ({ pod_sandbox_id: id }) => ({
    stats: await measurements.sandbox(getSandbox(context, id)),
  }));
  unary(server, `${service}/ListPodSandboxStats`, async ({ filter }) => ({
    stats: await measurements.sandboxes(filter),
  }));
  serverStream(server, `${service}/StreamPodSandboxStats`, async ({ filter }, send, { signal }) => {
    const stats = await measurements.sandboxes(filter);
    await sendInParts(stats, async (part) => await send({ pod_sandbox_stats: part }), signal);
  });
  unary(server, `${service}/ListMetricDescriptors`, async () => ({ descriptors: metricDescriptors() }));
  unary(server, `${service}/ListPodSandboxMetrics`, async () => ({
    pod_metrics: await measurements.metrics(),
  }));
  serverStream(server, `${service}/StreamPodSandboxMetrics`, async (_, send, { signal }) => {
    const metrics = await measurements.metrics();
    await sendInParts(metrics, async (part) => await send({ pod_sandbox_metrics: part }), signal);
  });
}

/** Statistics in the CRI's messages. */
class Measurements {
  readonly #context: CriContext;
  readonly #statistics: CriStatistics;
  #mountpoint: string | undefined;

  constructor(context: CriContext) {
    this.#context = context;
    this.#statistics = new CriStatistics(context.cri);
  }

  async container(container: Container): Promise<Reply<"ContainerStats">> {
    const measured = await this.#statistics.measure(container, { size: true });
    return encodeContainerStats(container, measured, { mountpoint: await this.#dataRoot() });
  }

  /** SPEC: of containers that run. */
  async containers(
    filter: Message<"ContainerStatsFilter"> | null,
  ): Promise<readonly Reply<"ContainerStats">[]> {
    this.#forget();
    const wanted = this.#context.cri.list().filter(containerStatsFilter(filter)).filter(isLive);
    return await inTurn(wanted, async (each) => await this.container(each));
  }

  async sandbox(sandbox: Sandbox): Promise<Reply<"PodSandboxStats">> {
    const infra = await this.#statistics.measure(sandbox, { size: false });
    const live = containersOf(this.#context, sandbox.id).filter(isLive);
    const mountpoint = await this.#dataRoot();
    const measured = await inTurn(live, async (each) => await this.#statistics.measure(each, { size: true }));
    const containers = live.map((each, index) => encodeContainerStats(each, measured[index], { mountpoint }));
    const members = measured.filter((each) => each !== undefined);
    return encodeSandboxStats(sandbox, { infra, members, containers });
  }

  async sandboxes(
    filter: Message<"PodSandboxStatsFilter"> | null,
  ): Promise<readonly Reply<"PodSandboxStats">[]> {
    this.#forget();
    const wanted = this.#context.cri.sandboxes().filter(sandboxStatsFilter(filter));
    return await inTurn(wanted, async (each) => await this.sandbox(each));
  }

  async metrics(): Promise<readonly Reply<"PodSandboxMetrics">[]> {
    this.#forget();
    return await inTurn(this.#context.cri.sandboxes(), async (sandbox) => await this.#metricsOf(sandbox));
  }

  async #metricsOf(sandbox: Sandbox): Promise<Reply<"PodSandboxMetrics">> {
    const infra = await this.#statistics.measure(sandbox, { size: false });
    const live = containersOf(this.#context, sandbox.id).filter(isLive);
    const container_metrics = await inTurn(live, async (container) => {
      const measured = await this.#statistics.measure(container, { size: false });
      const { name, image } = container.settings;
      const subject = { id: container.id, name, image: image.userSpecifiedImage || image.image };
      const metrics = measured === undefined ? [] : containerMetrics(measured.sample, subject);
      return { container_id: container.id, metrics };
    });
    const subject = { id: sandbox.id, name: sandbox.settings.name, image: "" };
    const metrics = infra === undefined ? [] : podMetrics(infra.sample, subject);
    return { pod_sandbox_id: sandbox.id, metrics, container_metrics };
  }

  #forget(): void {
    const { cri } = this.#context;
    this.#statistics.forgetAllBut([...cri.sandboxes(), ...cri.list()]);
  }

  async #dataRoot(): Promise<string> {
    this.#mountpoint ??= (await this.#context.engine.info()).dataRoot;
    return this.#mountpoint;
  }
}

function isLive(container: Container): boolean {
  return containerStateOf(container) === containerState.running;
}

/** One after the other: reading statistics uses the processor only. */
async function inTurn<T, Result>(
  items: readonly T[],
  work: (item: T) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
