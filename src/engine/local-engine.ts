import { eventTimeNs } from "./describe-event.ts";
import { mkdirSync, rmSync } from "node:fs";
import { Failure, sentenceOf } from "../base/failure.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { log } from "../base/log.ts";
import { openDirectoryPath } from "../linux/files/open.ts";
import { emptyDirectory } from "../linux/files/empty-directory.ts";
import { spreadDirectories } from "../linux/files/spread-directories.ts";
import { checkEngine } from "./check.ts";
import { Background } from "./containers/background.ts";
import type { ContainerContext } from "./context.ts";
import { ExecSessions } from "./containers/exec/exec-sessions.ts";
import { HealthChecks } from "./containers/health/health-checks.ts";
import { LocalContainers } from "./containers/local-containers.ts";
import { restartByPolicy, resumeRestarts } from "./containers/lifecycle/restart-by-policy.ts";
import { Restarts } from "./containers/lifecycle/restarts.ts";
import { LogForwarding } from "./containers/streams/log-forwarding.ts";
import { PendingAttaches } from "./containers/lifecycle/pending-attaches.ts";
import { ContainerPaths } from "./containers/container-paths.ts";
import { reconcile, reconcileNetworks } from "./containers/lifecycle/reconcile.ts";
import { SeccompProfiles } from "./containers/resources/seccomp-profiles.ts";
import { Waiters } from "./containers/lifecycle/waiters.ts";
import type { DescriptorOffer } from "../model/descriptors.ts";
import { openPassedDescriptors } from "./passed-descriptors.ts";
import { describeDiskUsage } from "./disk-usage.ts";
import { matchesEvent, parseEventFilters } from "./event-filters.ts";
import { BlobKeeping } from "./images/blob-keeping.ts";
import { dropFormerLayers } from "./images/former-storage.ts";
import { Garbage } from "./images/garbage.ts";
import { LocalImages } from "./images/local-images.ts";
import { describeEngine } from "./info.ts";
import { openSecretStore } from "../storage/secret-store.ts";
import { openVolumeStore } from "../storage/volume-store.ts";
import type { Secrets } from "../model/secrets.ts";
import { LocalSecrets } from "./secrets/local-secrets.ts";
import { SecretCatalog } from "./secrets/secret-catalog.ts";
import { LocalNetworks } from "./networks/local-networks.ts";
import { NetworkCatalog } from "./networks/network-catalog.ts";
import type { Networks } from "../model/networks.ts";
import type { Pods } from "../model/pods.ts";
import { LocalPods } from "./pods/local-pods.ts";
import { listNamespaces } from "./namespaces.ts";
import type { EngineDependencies } from "./dependencies.ts";
import { isUnconfirmed } from "./unconfirmed.ts";
import { StorageBench } from "./storage-bench/storage-bench.ts";
import type { State } from "./state/state.ts";
import { openState } from "./state/state.ts";
import type { CriEngine } from "./cri-engine.ts";
import type { Builds } from "../model/builds.ts";
import type { Manifests } from "../model/manifests.ts";
import { LocalManifests } from "./images/local-manifests.ts";
import type { Volumes } from "../model/volumes.ts";
import { LocalVolumes } from "./volumes/local-volumes.ts";
import { VolumeCatalog } from "./volumes/volume-catalog.ts";
import type { StorageBenchEvent, StorageBenchOptions } from "../model/storage-bench.ts";
import type { CheckFinding, ContainerNamespaces, Engine, EngineEvent, EngineInfo } from "../model/engine.ts";
import type { EngineMeter } from "../model/engine-meter.ts";
import type { Images } from "../model/images.ts";
import { measureStore } from "./store-usage.ts";
import type { DiskUsage, StoreUsage, UsageKind } from "../model/usage.ts";
import type { Containers } from "../model/containers.ts";

/** How long closing waits for removals; the rest is done at the next open. */
const CLOSE_MS = 2_000;

/** An engine in this process. The creator of the dependencies holds the lock on its data root. */
export class LocalEngine implements Engine {
  readonly containers: Containers;
  readonly images: Images;
  readonly manifests: Manifests;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly secrets: Secrets;
  readonly pods: Pods;
  readonly #context: ContainerContext;
  readonly #garbage: Garbage;
  readonly #blobs: BlobKeeping;
  readonly #bench: StorageBench;
  readonly #close: AbortController;
  #closed: Promise<void> | undefined;
  #builds: Promise<Builds> | undefined;
  #cri: Promise<CriEngine> | undefined;

  constructor(made: {
    readonly context: ContainerContext;
    readonly images: Images;
    readonly garbage: Garbage;
    readonly blobs: BlobKeeping;
    readonly bench: StorageBench;
    readonly close: AbortController;
  }) {
    this.#context = made.context;
    this.#garbage = made.garbage;
    this.#blobs = made.blobs;
    this.#bench = made.bench;
    this.#close = made.close;
    this.images = made.images;
    this.containers = new LocalContainers(made.context);
    this.manifests = new LocalManifests(made.context.state, made.context.dependencies);
    this.volumes = new LocalVolumes(made.context.volumes);
    this.networks = new LocalNetworks(made.context);
    this.secrets = new LocalSecrets(made.context.secrets);
    this.pods = new LocalPods(made.context);
  }

  openBuilds(): Promise<Builds> {
    this.#builds ??= import("./builds/local-builds.ts").then(
      ({ LocalBuilds }) =>
        new LocalBuilds({ context: this.#context, images: this.images, garbage: this.#garbage }),
    );
    return this.#builds;
  }

  /** What kubelets create; loaded with the first use. */
  openCri(): Promise<CriEngine> {
    this.#cri ??= import("./cri/local-cri.ts").then(({ LocalCri }) => new LocalCri(this.#context));
    return this.#cri;
  }

  /** Records the event `daemon reload`, as dockerd does. */
  recordReload(attributes: Readonly<Record<string, string>>): void {
    const { state, dependencies } = this.#context;
    const actor = {
      id: state.findFact("id") ?? "",
      attributes: { name: dependencies.host.hostname, ...attributes },
    };
    state.events.record({ type: "daemon", action: "reload", actor, timeNs: eventTimeNs() });
  }

  events(
    options: {
      readonly sinceMs?: number | undefined;
      readonly untilMs?: number | undefined;
      readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): AsyncIterable<EngineEvent> {
    const filters = parseEventFilters(options.filters ?? {});
    const toNs = (ms: number | undefined): bigint | undefined =>
      ms === undefined ? undefined : BigInt(Math.round(ms * 1000)) * 1000n;
    const stream = this.#context.state.events.watch({
      sinceNs: toNs(options.sinceMs),
      untilNs: toNs(options.untilMs),
      signal: options.signal,
    });
    return (async function* () {
      for await (const event of stream)
        if (event.type !== "cri-container" && matchesEvent(event, filters)) yield event;
    })();
  }

  async info(): Promise<EngineInfo> {
    return await describeEngine(this.#context);
  }

  async diskUsage(
    options: {
      readonly kinds?: readonly UsageKind[] | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<DiskUsage> {
    const { images, containers, volumes } = this;
    return await describeDiskUsage(this.#context, { ...options, images, containers, volumes });
  }

  async namespaces(): Promise<readonly ContainerNamespaces[]> {
    return listNamespaces(this.#context);
  }

  async storeUsage({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<StoreUsage> {
    return await measureStore(this.#context.dependencies, { policy: this.#blobs.policy, signal });
  }

  benchStorage({ signal, ...options }: StorageBenchOptions = {}): AsyncIterable<StorageBenchEvent> {
    const { closing } = this.#context;
    const either = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    return this.#bench.run({ ...options, signal: either });
  }

  async check({
    verify = false,
    signal,
  }: {
    readonly verify?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {}): Promise<readonly CheckFinding[]> {
    const findings = await checkEngine(this.#context, this.#garbage);
    if (!verify) return findings;
    using _ = await this.#garbage.use();
    const { verifyStore } = await import("./images/verify-store.ts");
    return [...findings, ...(await verifyStore(this.#context.state, this.#context.dependencies, { signal }))];
  }

  async offerDescriptors(targets: readonly number[]): Promise<DescriptorOffer> {
    return this.#context.descriptors.offer(targets);
  }

  async settle(): Promise<void> {
    await this.#context.background.settle();
    await this.#context.networks.settle();
    await this.#blobs.settle();
    await this.#garbage.collect();
    await this.#context.dependencies.storage.settle();
    await this.#context.volumes.store.settle();
  }

  /** Containers run on, but those of lifetime "process". Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#dispose();
    return this.#closed;
  }

  async #dispose(): Promise<void> {
    const { background, descriptors, execs, health, live, restarts, state, dependencies, volumes } =
      this.#context;
    descriptors[Symbol.dispose]();
    restarts[Symbol.dispose]();
    await health[Symbol.asyncDispose]();
    this.#garbage[Symbol.dispose]();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([background.settle(), late]);
    clearTimeout(timer);
    this.#close.abort(new Failure("unavailable", "cannot go on: the engine was closed"));
    this.#context.logForwarding.close();
    for (const { kept } of live.values()) await kept[Symbol.asyncDispose]();
    await execs[Symbol.asyncDispose]();
    await this.#context.dataDirectories[Symbol.asyncDispose]();
    await this.#context.runDirectories[Symbol.asyncDispose]();
    await this.#bench[Symbol.asyncDispose]();
    await background.settle(); // what still goes on writes nothing any more
    await this.#blobs.settle();
    await this.#garbage.settle();
    await volumes.store.settle();
    if (this.#context.networks.leases.all().length === 0) await removeNetworks(dependencies);
    state[Symbol.dispose]();
    await dependencies[Symbol.asyncDispose]();
  }
}

/** The next engine removes or uses the rest. */
async function removeNetworks({ networks }: EngineDependencies): Promise<void> {
  try {
    await networks.removeAll();
  } catch (thrown) {
    log("warning", `cannot remove the networks' interfaces and firewall table: ${sentenceOf(thrown)}`);
  }
}

/** Connects the dependencies, and reconciles records with reality before the first request. */
export async function startEngine(
  dependencies: EngineDependencies,
  { meter }: { readonly meter?: EngineMeter | undefined } = {},
): Promise<LocalEngine> {
  using undo = new DisposableStack();
  const state = undo.use(openState(dependencies.dataRoot));
  const close = new AbortController();
  const garbage = new Garbage(state, dependencies);
  const blobs = new BlobKeeping(state, { dependencies, garbage, closing: close.signal });
  const images = new LocalImages(state, { dependencies, garbage, blobs });
  const volumes = new VolumeCatalog(state, await openVolumeStore(dependencies.dataRoot));
  const paths = createPaths(dependencies);
  const context: ContainerContext = {
    dependencies,
    state,
    paths,
    dataDirectories: dependencies.prewarming.openDirectories(paths.prewarmedData, (path) =>
      mkdirSync(`${path}/log`, { mode: 0o700 }),
    ),
    runDirectories: dependencies.prewarming.openDirectories(paths.prewarmedRuns, () => {}),
    host: {
      hostname: dependencies.host.hostname,
      capabilities: dependencies.host.capabilities,
      hasAppArmor: dependencies.host.hasAppArmor,
      hasSelinux: dependencies.host.hasSelinux === true,
      ceilings: dependencies.host.ceilings,
    },
    locks: new KeyedLock(),
    background: new Background(),
    waiters: new Waiters(),
    live: new Map(),
    restarts: new Restarts((id) => restartByPolicy(context, id)),
    attaches: new PendingAttaches(),
    logForwarding: new LogForwarding(paths, close.signal),
    execs: new ExecSessions(),
    health: new HealthChecks(async () => {
      const { HealthMonitor } = await import("./containers/health/health-monitor.ts");
      return new HealthMonitor(context);
    }),
    descriptors: openPassedDescriptors(dependencies.runRoot),
    stepVariables: new Map(),
    seccomp: new SeccompProfiles(),
    reservedNames: new Map(),
    volumes,
    secrets: new SecretCatalog(state, openSecretStore(dependencies.dataRoot)),
    networks: new NetworkCatalog(state, {
      part: dependencies.networks,
      dataRoot: dependencies.dataRoot,
      settings: dependencies.settings,
    }),
    meter,
    pinImage: (reference) => images.pin(reference),
    removeImage: async (reference) => void (await images.remove(reference)),
    collectGarbage: () => void garbage.collect(),
    closing: close.signal,
  };
  ensureEngineId(state);
  await volumes.reconcile();
  const keepsAll = isUnconfirmed(state);
  if (!keepsAll) context.secrets.reconcile();
  await reconcile(context);
  await reconcileNetworks(context);
  resumeRestarts(context);
  void context.background.run("garbage", () => beginCollecting(garbage));
  blobs.wake();
  if (!keepsAll) void context.background.run("former storage", () => dropFormerLayers(dependencies, state));
  const bench = new StorageBench(dependencies);
  void context.background.run("storage bench", () => bench.removeLeftOver());
  undo.move();
  return new LocalEngine({ context, images, garbage, blobs, bench, close });
}

/** Leftovers of a crash are kept for a while; those of an earlier engine are removed now. */
async function beginCollecting(garbage: Garbage): Promise<void> {
  await garbage.keepForNow();
  await garbage.collect();
}

function createPaths(dependencies: EngineDependencies): ContainerPaths {
  const paths = new ContainerPaths(dependencies);
  for (const directory of [paths.allData, paths.prewarmedData, paths.allRuns, paths.prewarmedRuns]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    using opened = openDirectoryPath(directory);
    spreadDirectories(opened.fd);
  }
  // Of an engine that was killed.
  emptyDirectory(paths.prewarmedData);
  emptyDirectory(paths.prewarmedRuns);
  rmSync(paths.formerPrewarmedData, { recursive: true, force: true });
  return paths;
}

/** Of this data root, for good. */
function ensureEngineId(state: State): void {
  if (state.findFact("id") === undefined) state.putFact("id", crypto.randomUUID());
}
