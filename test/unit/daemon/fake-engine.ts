import { mergeDefined } from "../../../src/base/defined.ts";
import { Failure } from "../../../src/base/failure.ts";
import type {
  CheckFinding,
  ContainerNamespaces,
  Engine,
  EngineEvent,
  EngineInfo,
} from "../../../src/model/engine.ts";
import type { Progress } from "../../../src/base/progress.ts";
import type { DescriptorOffer } from "../../../src/model/descriptors.ts";
import type { ImageDetails, Images } from "../../../src/model/images.ts";
import type { ManifestList, Manifests } from "../../../src/model/manifests.ts";
import type { LogOptions } from "../../../src/model/logs.ts";
import type { ContainerStatistics, StatisticsOptions } from "../../../src/model/statistics.ts";
import type { ContainerSpec } from "../../../src/model/container-spec.ts";
import type { ContainerState } from "../../../src/model/container-state.ts";
import type { ContainerDetails, Containers } from "../../../src/model/containers.ts";
import type { ExecDetails, ExecSpec } from "../../../src/model/execs.ts";
import type { StorageBenchEvent, StorageBenchOptions } from "../../../src/model/storage-bench.ts";
import { fakeBench } from "./fake-bench.ts";
import type { DiskUsage, StoreUsage, UsageKind } from "../../../src/model/usage.ts";
import type { VolumeDetails, Volumes } from "../../../src/model/volumes.ts";
import { parseImageConfig } from "../../../src/spec/image/config.ts";
import { FakePods } from "./fake-pods.ts";
import { FakeNetworks } from "./fake-networks.ts";
import { FakeProcess } from "./fake-process.ts";
import { FakeSecrets } from "./fake-secrets.ts";
import { fakeStatistics } from "./fake-statistics.ts";
import type { PruneFilters } from "../../../src/model/prune.ts";
import type { ContainerId, ExecId } from "../../../src/model/ids.ts";
import { asId } from "../../support/ids.ts";

const config = parseImageConfig(
  Buffer.from(
    JSON.stringify({
      os: "linux",
      architecture: "amd64",
      created: "2026-01-02T03:04:05Z",
      config: { Env: ["PATH=/bin"], Cmd: ["sh"], Labels: { made: "here" }, ExposedPorts: { "80/tcp": {} } },
      rootfs: { type: "layers", diff_ids: [`sha256:${"a".repeat(64)}`] },
      history: [{ created: "2026-01-02T03:04:05Z", created_by: "COPY" }],
    }),
  ),
);
const sizes = { writtenBytes: 2_500, rootBytes: 4_002_500 };
const imageId = `sha256:${"b".repeat(64)}`;

interface FakeContainer {
  readonly id: ContainerId;
  name: string;
  readonly spec: ContainerSpec;
  state: ContainerState;
  process: FakeProcess;
  readonly removed: PromiseWithResolvers<void>;
}

interface FakeExec {
  readonly id: ExecId;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  readonly process: FakeProcess;
  state: ExecDetails["state"];
}

async function* pushed(name: string): AsyncGenerator<Progress, void, undefined> {
  yield { kind: "status", text: `Pushed ref ${name}` };
  yield { kind: "image", id: imageId, reference: name };
}

const manifest = {
  digest: `sha256:${"2".repeat(64)}`,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  sizeBytes: 400,
  platform: { os: "linux", architecture: "amd64" },
  isAvailable: true,
  contentBytes: 500_000,
  containers: [],
};

/** An engine in memory, with real behaviour as far as clients see it. One image: busybox:latest. */
export class FakeEngine implements Engine {
  readonly known: FakeContainer[] = [];
  readonly execs: FakeExec[] = [];
  readonly knownVolumes: VolumeDetails[] = [];
  readonly lists: Map<string, ManifestList> = new Map();
  readonly networks: FakeNetworks = new FakeNetworks();
  readonly secrets: FakeSecrets = new FakeSecrets();
  readonly pods: FakePods = new FakePods();
  readonly tags: string[] = ["busybox:latest"];
  readonly pastEvents: EngineEvent[] = [];
  /** Tokens that starts and execs have named. */
  readonly descriptors: string[] = [];
  loadedBytes = 0;
  settled = 0;
  readonly benched: StorageBenchOptions[] = [];
  readonly pruneFilters: PruneFilters[] = [];
  /** Loading waits for this before it reads on. */
  loadGate: Promise<void> | undefined;
  readonly #watchers = new Set<() => void>();

  emit(type: EngineEvent["type"], action: string, id: string): void {
    this.pastEvents.push({
      type,
      action,
      actor: { id, attributes: { image: "busybox", name: id.slice(0, 4) } },
      timeNs: 1_700_000_000_123_456_789n + BigInt(this.pastEvents.length),
    });
    for (const wake of this.#watchers) wake();
  }

  find(reference: string): FakeContainer {
    const found =
      this.known.find(({ name, id }) => name === reference || id === reference) ??
      this.known.find(({ id }) => id.startsWith(reference));
    if (found === undefined) throw new Failure("not-found", `cannot find container "${reference}"`);
    return found;
  }

  readonly containers: Containers = {
    create: async (spec) => {
      if (!["busybox", "busybox:latest", imageId].includes(spec.image)) {
        throw new Failure("not-found", `cannot find image "${spec.image}"`);
      }
      const name = spec.name ?? `random_${this.known.length}`;
      const holder = this.known.find((other) => other.name === name);
      if (holder !== undefined) {
        throw new Failure("conflict", `cannot use name "${name}": it is taken`, {
          details: { name, id: holder.id },
        });
      }
      const id = asId<ContainerId>((this.known.length + 1).toString(16).padStart(2, "0").repeat(32));
      const process = new FakeProcess(
        [...(spec.process?.entrypoint ?? []), ...(spec.process?.command ?? ["sh"])],
        spec.process?.terminal === true,
      );
      const removed = Promise.withResolvers<void>();
      this.known.push({ id, name, spec, state: { status: "created" }, process, removed });
      this.emit("container", "create", id);
      return { id, warnings: spec.resources?.oomScoreAdj === -500 ? ["cannot lower the score"] : [] };
    },
    start: async (reference, { descriptors } = {}) => {
      if (descriptors !== undefined) this.descriptors.push(descriptors);
      const container = this.find(reference);
      if (container.state.status === "running") {
        throw new Failure("conflict", "cannot start: it runs", { details: { alreadyRunning: true } });
      }
      if (container.spec.process?.command?.[0] === "missing") {
        const sentence = 'cannot start "missing": no such file';
        container.state = {
          status: "exited",
          code: 127,
          oomKilled: false,
          finishedAt: Date.now(),
          error: sentence,
        };
        container.process.end(127);
        if (container.spec.lifecycle?.autoRemove === true) this.#forget(container);
        throw new Failure("invalid", sentence, { details: { exitCode: 127 } });
      }
      container.state = { status: "running", pid: 4711, startedAt: Date.now() };
      const { process } = container;
      void process.exited.then(({ code }) => {
        container.state = {
          status: "exited",
          code,
          oomKilled: false,
          startedAt: Date.now(),
          finishedAt: Date.now(),
        };
        this.emit("container", "die", container.id);
        if (container.spec.lifecycle?.autoRemove === true) this.#forget(container);
      });
      this.emit("container", "start", container.id);
      process.start();
      return { totalMs: 4.5, phases: [{ name: "root", ms: 1.5 }] };
    },
    stop: async (reference) => {
      const container = this.find(reference);
      const wasRunning = container.state.status === "running";
      container.process.end(143);
      await container.process.exited;
      return wasRunning;
    },
    kill: async (reference) => {
      const container = this.find(reference);
      if (container.state.status !== "running") throw new Failure("conflict", "cannot kill: it does not run");
      container.process.end(137);
    },
    restart: async () => {},
    remove: async (reference, options) => {
      const container = this.find(reference);
      if (container.state.status === "running") {
        if (options?.force !== true) {
          throw new Failure("conflict", "cannot remove: it runs", {
            details: { state: "running", id: container.id },
          });
        }
        container.process.end(137);
      }
      this.#forget(container);
    },
    wait: async (reference, options) => {
      const container = this.find(reference);
      if (options?.until === "not-running" && container.state.status === "created")
        return { code: 0, oomKilled: false };
      const canceled = new Promise<never>((_, reject) => {
        options?.signal?.addEventListener("abort", () => reject(new Failure("canceled", "cannot wait")));
      });
      canceled.catch(() => {});
      const ended = container.process.exited.then(async (status) => {
        if (options?.until === "removed") await container.removed.promise;
        return status;
      });
      return await Promise.race([ended, canceled]);
    },
    changes: async () => [],
    export: async function* () {},
    statPath: async (reference, path) => {
      throw new Failure("not-found", `cannot find the file "${path}" in container "${reference}"`);
    },
    copyFrom: async (reference, path) => {
      throw new Failure("not-found", `cannot find the file "${path}" in container "${reference}"`);
    },
    copyInto: async () => {},
    commit: async () => `sha256:${"1".repeat(64)}`,
    rename: async (reference, name) => {
      this.find(reference).name = name;
    },
    pause: async (reference) => {
      const container = this.find(reference);
      const { state, id } = container;
      if (state.status !== "running")
        throw new Failure("conflict", "cannot pause", { details: { state: state.status, id } });
      container.state = { ...state, status: "paused" };
    },
    unpause: async (reference) => {
      const container = this.find(reference);
      const { state, id } = container;
      if (state.status !== "paused")
        throw new Failure("conflict", "cannot unpause", { details: { state: state.status, id } });
      container.state = { ...state, status: "running" };
    },
    checkHealth: async (reference) => {
      this.find(reference);
      return {
        status: "healthy",
        failingStreak: 0,
        log: [{ startedAt: 0, endedAt: 1, code: 0, output: "fine" }],
      };
    },
    update: async (reference) => {
      this.find(reference);
      return { warnings: [] };
    },
    top: async (reference) => {
      const { state, id } = this.find(reference);
      if (state.status !== "running")
        throw new Failure("conflict", "cannot list", { details: { state: state.status, id } });
      return { titles: ["PID", "CMD"], processes: [[String(state.pid), "sh"]] };
    },
    resize: async (reference, size) => {
      const container = this.find(reference);
      if (container.state.status !== "running")
        throw new Failure("conflict", "cannot resize: it does not run");
      container.process.resizes.push(size);
    },
    attach: async (reference, options) => this.find(reference).process.attach(options),
    logs: (reference, options) => this.#logs(this.find(reference), options ?? {}),
    list: async (filter) =>
      this.known
        .filter(({ state }) => filter?.all === true || state.status === "running")
        .filter(({ name }) => filter?.filters?.["name"]?.some((part) => name.includes(part)) ?? true)
        .slice(0, filter?.limit)
        .map((container) => ({ ...this.#details(container), ...(filter?.size === true ? { sizes } : {}) })),
    inspect: async (reference, options) => ({
      ...this.#details(this.find(reference)),
      ...(options?.size === true ? { sizes } : {}),
    }),
    prune: async ({ filters } = {}) => {
      this.pruneFilters.push(filters ?? {});
      const ended = this.known.filter(({ state }) => state.status !== "running");
      for (const container of ended) this.#forget(container);
      return { removed: ended.map(({ id }) => id), freedBytes: 1000 * ended.length };
    },
    stats: (reference, options) => this.#stats(reference, options),
    createExec: async (reference, spec) => {
      const container = this.find(reference);
      if (container.state.status !== "running") throw new Failure("conflict", "cannot exec: it does not run");
      const id = asId<ExecId>((this.execs.length + 1).toString(16).padStart(2, "0").repeat(32));
      const process = new FakeProcess(spec.command, spec.terminal === true);
      this.execs.push({ id, containerId: container.id, spec, process, state: { status: "created" } });
      return id;
    },
    startExec: async (id, options) => {
      if (options?.descriptors !== undefined) this.descriptors.push(options.descriptors);
      const exec = this.#exec(id);
      if (exec.spec.command[0] === "missing") {
        exec.state = { status: "exited", code: 127 };
        throw new Failure("invalid", 'cannot execute "missing"', { details: { exitCode: 127 } });
      }
      exec.state = { status: "running", pid: 4712 };
      void exec.process.exited.then(({ code }) => {
        exec.state = { status: "exited", code };
      });
      const { spec, process } = exec;
      const stream =
        options?.detach === true
          ? undefined
          : process.attach({ stdin: spec.attachStdin === true, stream: true });
      process.start();
      return stream;
    },
    resizeExec: async (id, size) => {
      this.#exec(id).process.resizes.push(size);
    },
    inspectExec: async (id) => this.#exec(id),
    waitExec: async (id) => await this.#exec(id).process.exited,
  };

  readonly images: Images = {
    load: (archive) => this.#load(archive),
    pull: (reference) => this.#pull(reference),
    push: (reference) => this.#push(reference),
    lookUp: async () => ({
      digest: `sha256:${"1".repeat(64)}`,
      mediaType: "application/vnd.oci.image.index.v1+json",
      size: 100,
      platforms: [{ os: "linux", architecture: "amd64" }],
    }),
    save: async function* (references) {
      yield Buffer.from(references.join(" "));
    },
    checkCredentials: async (_, credentials) => {
      if (credentials.kind !== "password" || credentials.password !== "secret") {
        throw new Failure("not-permitted", "incorrect username or password");
      }
    },
    import: async (archive, options) => {
      if (archive instanceof URL) throw new Failure("unavailable", `cannot fetch ${archive.href}`);
      for await (const piece of archive) this.loadedBytes += piece.length;
      if (options?.reference !== undefined) this.tags.push(options.reference);
      return imageId;
    },
    list: async ({ manifests = false } = {}) => [
      { ...this.#image(), ...(manifests ? { manifests: [manifest] } : {}) },
    ],
    inspect: async (reference, { manifests = false } = {}) => {
      const name = /[:@]/.test(reference) ? reference : `${reference}:latest`;
      if (!this.tags.includes(name) && reference !== imageId) {
        throw new Failure("not-found", `cannot find image "${reference}"`);
      }
      return { ...this.#image(), ...(manifests ? { manifests: [manifest] } : {}) };
    },
    search: async (term, { limit = 25 } = {}) => [
      { name: term, description: "found", stars: limit, isOfficial: true, isAutomated: false },
    ],
    tree: async () => ({
      layers: [
        {
          chainId: `sha256:${"a".repeat(64)}`,
          diffId: `sha256:${"a".repeat(64)}`,
          sizeBytes: 4_000_000,
          createdBy: "COPY",
          images: [{ id: imageId, references: this.tags }],
          usedBy: 1,
        },
      ],
      layerless: [],
    }),
    tag: async (_, target) => {
      this.tags.push(target);
    },
    remove: async (reference) => {
      if (!this.tags.includes(reference)) throw new Failure("not-found", `cannot find image "${reference}"`);
      return [{ untagged: reference }, { deleted: imageId }];
    },
    prune: async ({ filters } = {}) => {
      this.pruneFilters.push(filters ?? {});
      return { removed: [{ untagged: "busybox:latest" }, { deleted: imageId }], freedBytes: 4_000_000 };
    },
  };

  readonly manifests: Manifests = {
    create: async (name, references, { amend, credentials } = {}) => {
      if (this.lists.has(name) && amend !== true) throw new Failure("conflict", `cannot create ${name}`);
      const entries = references.map((reference) => ({
        reference: `${reference} as ${credentials?.["docker.io"]?.kind ?? "anybody"}`,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest: imageId,
        size: 7,
        platform: { os: "linux", architecture: "arm", variant: "v7" },
      }));
      const made = { name, createdAt: 5, entries };
      this.lists.set(name, made);
      return made;
    },
    annotate: async (name, _, platform) => {
      const list = this.#list(name);
      const entries = list.entries.map((entry) => ({
        ...entry,
        platform: mergeDefined(entry.platform, platform),
      }));
      this.lists.set(name, { ...list, entries });
      return this.#list(name);
    },
    inspect: async (name) => this.#list(name),
    list: async () => [...this.lists.values()],
    push: (name) => pushed(this.#list(name).name),
    remove: async (name) => void this.lists.delete(this.#list(name).name),
    fetch: async (reference) => ({
      reference,
      mediaType: "application/vnd.oci.image.index.v1+json",
      digest: imageId,
      bytes: Buffer.from('{"schemaVersion":2}'),
    }),
  };

  readonly volumes: Volumes = {
    create: async ({ name = "f".repeat(64), labels = {}, options = {} } = {}) => {
      if (name.length === 1) {
        const details = { volume: name, detail: "volume name is too short" };
        throw new Failure("invalid", `cannot create volume "${name}"`, { details });
      }
      const known = this.knownVolumes.find((volume) => volume.name === name);
      if (known !== undefined) return known;
      const mountpoint = `/var/lib/tare/volumes/${name}/_data`;
      const createdAt = Date.parse("2026-01-02T03:04:05.678Z");
      const made: VolumeDetails = { name, driver: "local", mountpoint, createdAt, labels, options };
      this.knownVolumes.push(made);
      return made;
    },
    list: async () => this.knownVolumes,
    inspect: async (name) => this.#volume(name),
    remove: async (name, options) => {
      if (options?.force === true && this.knownVolumes.every((volume) => volume.name !== name)) return;
      const found = this.#volume(name);
      if (name === "used") {
        throw new Failure("conflict", "cannot remove: it is used", { details: { users: ["c1", "c2"] } });
      }
      this.knownVolumes.splice(this.knownVolumes.indexOf(found), 1);
    },
    prune: async ({ all = false, filters = {} } = {}) => {
      const takesAll = all || filters["all"]?.includes("true") === true;
      const gone = this.knownVolumes.filter(({ name }) => takesAll || name.length === 64);
      for (const volume of gone) this.knownVolumes.splice(this.knownVolumes.indexOf(volume), 1);
      return { removed: gone.map(({ name }) => name), freedBytes: gone.length * 1000 };
    },
    usage: async (name) => ({ bytes: this.#volume(name).name.length, containers: [] }),
  };

  #list(name: string): ManifestList {
    const found = this.lists.get(name);
    if (found === undefined) throw new Failure("not-found", `No such manifest: ${name}`);
    return found;
  }

  async *events(options: Parameters<Engine["events"]>[0] = {}): AsyncGenerator<EngineEvent, void, undefined> {
    const isFromNow = options.sinceMs === undefined && options.untilMs === undefined;
    let next = isFromNow ? this.pastEvents.length : 0;
    for (;;) {
      for (; next < this.pastEvents.length; next++) {
        const event = this.pastEvents[next] as EngineEvent;
        if (options.untilMs !== undefined && Number(event.timeNs / 1_000_000n) > options.untilMs) return;
        yield event;
      }
      if (options.signal?.aborted === true || options.untilMs !== undefined) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      options.signal?.addEventListener("abort", () => resolve());
      await promise;
      this.#watchers.delete(resolve);
    }
  }

  get eventWatchers(): number {
    return this.#watchers.size;
  }

  async info(): Promise<EngineInfo> {
    return {
      id: "5f1c",
      name: "builder",
      version: "0.1.0",
      dataRoot: "/var/lib/tare",
      runRoot: "/run/tare",
      kernelVersion: "6.18.0",
      operatingSystem: "Debian GNU/Linux 13 (trixie)",
      architecture: "x86_64",
      cpus: 2,
      memoryBytes: 8_000_000_000,
      containers: { running: 0, paused: 0, stopped: 0 },
      images: 1,
      storage: { driver: "overlay", status: [["Backing Filesystem", "ext4"]] },
      cgroups: { version: "hybrid", controllers: { memory: "v1", cpu: "v1", pids: "v1", hugetlb: "v2" } },
      networkDrivers: ["bridge", "host", "ipvlan", "macvlan", "null"],
      cdi: { directories: ["/etc/cdi", "/var/run/cdi"], devices: ["vendor.com/device=a"] },
      warnings: ["cannot raise limits"],
    };
  }

  async diskUsage(options: Parameters<Engine["diskUsage"]>[0] = {}): Promise<DiskUsage> {
    const kinds: readonly UsageKind[] = options.kinds ?? ["image", "container", "volume"];
    const images = [{ ...this.#image(), sharedBytes: 1_000_000 }];
    const containers = this.known.map((container) => ({ ...this.#details(container), sizes }));
    const volumes = this.knownVolumes.map((volume) => ({
      ...volume,
      usage: { bytes: volume.name.length, containers: [] },
    }));
    return {
      layersBytes: kinds.includes("image") ? 4_000_000 : 0,
      ...(kinds.includes("image") ? { images } : {}),
      ...(kinds.includes("container") ? { containers } : {}),
      ...(kinds.includes("volume") ? { volumes } : {}),
    };
  }

  async namespaces(): Promise<readonly ContainerNamespaces[]> {
    return [
      {
        id: asId<ContainerId>(""),
        name: "host",
        pid: 1,
        namespaces: { mnt: { inode: 4_026_531_841, sharedWith: [] } },
      },
    ];
  }

  async storeUsage(): Promise<StoreUsage> {
    return {
      policy: "keep",
      totalBytes: 12_288,
      rows: [
        { kind: "layers", count: 1, bytes: 8192 },
        { kind: "records", count: 0, bytes: 4096 },
      ],
      rebuildable: { count: 0, bytes: 0 },
      refetchable: { count: 0, bytes: 0 },
    };
  }

  async *benchStorage(options: StorageBenchOptions = {}): AsyncGenerator<StorageBenchEvent, void, undefined> {
    this.benched.push(options);
    yield* fakeBench;
    if (options.quick === true) throw new Failure("conflict", "cannot go on");
  }

  async check(): Promise<readonly CheckFinding[]> {
    return [{ subject: "container web", problem: "its keeper is gone", advice: "remove it" }];
  }

  async offerDescriptors(targets: readonly number[]): Promise<DescriptorOffer> {
    return { socket: "/run/fds", token: `token of ${targets.join(", ")}` };
  }

  async settle(): Promise<void> {
    this.settled++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process } of this.known) process.end(137);
  }

  /** Three samples, then its end, as if it had been removed. */
  async *#stats(
    reference: string,
    { samples = "stream" }: StatisticsOptions = {},
  ): AsyncGenerator<ContainerStatistics, void, undefined> {
    const { id, name, state } = this.find(reference);
    const isRunning = state.status === "running";
    for (let at = samples === "once" ? 1 : 0; at < 3; at++) {
      yield isRunning ? fakeStatistics({ id, name, at }) : { id, name };
      if (samples !== "stream") return;
    }
  }

  #volume(name: string): VolumeDetails {
    const found = this.knownVolumes.find((volume) => volume.name === name);
    if (found === undefined) throw new Failure("not-found", `cannot find volume "${name}"`);
    return found;
  }

  #exec(id: string): FakeExec {
    const found = this.execs.find((exec) => exec.id === id);
    if (found === undefined) throw new Failure("not-found", `cannot find exec "${id}"`);
    return found;
  }

  #forget(container: FakeContainer): void {
    this.known.splice(this.known.indexOf(container), 1);
    container.removed.resolve();
  }

  async *#logs(container: FakeContainer, options: LogOptions) {
    const { log, exited } = container.process;
    const wants = ({ stream }: { readonly stream: "stdout" | "stderr" }): boolean => options[stream] === true;
    let next = Math.max(0, options.tail === undefined ? 0 : log.length - options.tail);
    let isEnded = container.state.status === "exited";
    void exited.then(() => {
      isEnded = true;
    });
    for (;;) {
      for (; next < log.length; next++) {
        const entry = log[next];
        if (entry !== undefined && wants(entry)) yield entry;
      }
      if (options.follow !== true || isEnded || options.signal?.aborted === true) return;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async *#push(reference: string): AsyncGenerator<Progress, void, undefined> {
    if (!this.tags.includes(reference)) throw new Failure("not-found", `cannot find image "${reference}"`);
    yield { kind: "layer", id: "aaaaaaaaaaaa", phase: "uploading", currentBytes: 1, totalBytes: 2 };
    yield { kind: "layer", id: "aaaaaaaaaaaa", phase: "uploaded" };
    yield { kind: "image", id: imageId, reference };
  }

  async *#pull(reference: string): AsyncGenerator<Progress, void, undefined> {
    if (reference.includes("private")) {
      throw new Failure("not-permitted", `pull access denied for ${reference}`);
    }
    yield { kind: "status", text: "Pulling from library/busybox", id: "latest" };
    yield { kind: "layer", id: "aaaaaaaaaaaa", phase: "downloading", currentBytes: 1, totalBytes: 2 };
    yield { kind: "layer", id: "aaaaaaaaaaaa", phase: "done" };
    this.tags.push(reference);
    yield { kind: "image", id: imageId, reference };
  }

  async *#load(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Progress, void, undefined> {
    await this.loadGate;
    let first = "";
    for await (const piece of archive) {
      if (first === "") first = Buffer.from(piece.subarray(0, 16)).toString();
      this.loadedBytes += piece.length;
      if (first.startsWith("bad")) throw new Failure("corrupt", "cannot load the archive: it is no tar");
    }
    yield { kind: "layer", id: "aaaaaaaaaaaa", phase: "unpacking", currentBytes: 1, totalBytes: 2 };
    if (first.startsWith("half")) throw new Failure("corrupt", "cannot load the archive: a layer is cut");
    yield { kind: "image", id: imageId, reference: "busybox:latest" };
  }

  #image(): ImageDetails {
    return {
      id: imageId,
      references: this.tags,
      digests: [],
      createdAt: Date.parse("2026-01-02T03:04:05Z"),
      sizeBytes: 4_000_000,
      containers: this.known.length,
      labels: { made: "here" },
      config,
      layers: [...config.diffIds],
      layerBytes: [4_000_000],
      storage: { driver: "overlay", data: {} },
    };
  }

  #details({ id, name, spec, state }: FakeContainer): ContainerDetails {
    const command = [...(spec.process?.entrypoint ?? []), ...(spec.process?.command ?? ["sh"])];
    return {
      id: asId<ContainerId>(id),
      name,
      image: spec.image,
      imageId,
      command,
      createdAt: Date.now(),
      state,
      labels: { made: "here", ...spec.labels },
      networkMode: "none",
      endpoints: [],
      ports: [],
      exposedPorts: ["80/tcp"],
      mounts: spec.storage?.mounts ?? [],
      spec,
      restartCount: 0,
      process: {
        path: command[0] ?? "",
        args: command.slice(1),
        env: ["PATH=/bin", ...(spec.process?.env ?? [])],
        workingDirectory: spec.process?.workingDirectory ?? "/",
        user: spec.process?.user ?? "",
      },
      imageConfig: config,
      effective: {
        hostname: spec.network?.hostname ?? id.slice(0, 12),
        domainname: spec.network?.domainname ?? "",
        capabilities: ["CAP_CHOWN"],
        maskedPaths: ["/proc/kcore"],
        readonlyPaths: ["/proc/sys"],
        stopSignal: "SIGTERM",
        cgroup: `/tare/${id}`,
      },
      files: { log: "/l", hosts: "/h", hostname: "/n", resolvConf: "/r" },
      storage: { driver: "overlay", data: {} },
      execIds: this.execs.filter((exec) => exec.containerId === id).map((exec) => exec.id),
    };
  }
}
