/** An engine's parts without a kernel: processes that end when a test says so, snapshots that are directories. */
import { mkdirSync, openSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, type Duplex } from "node:stream";
import { Failure } from "../../../src/base/failure.ts";
import type {
  CgroupHandle,
  EngineDependencies,
  ExecRequest,
  StartRequest,
} from "../../../src/engine/dependencies.ts";
import { openContentStore } from "../../../src/image/content-store.ts";
import { Registries } from "../../../src/image/registries.ts";
import { capabilityNames } from "../../../src/linux/process/capability.ts";
import { unpackLayer } from "../../../src/linux/tree/tree.ts";
import { openDirectoryPath } from "../../../src/linux/files/open.ts";
import type { EarlyStreams, Exit, KeptProcess, StartedProcess } from "../../../src/runtime/types.ts";
import type { Digest } from "../../../src/spec/digest.ts";
import type { LayerDraft, MountedSnapshot, StorageDriver } from "../../../src/storage/driver.ts";
import { FakeNetworks } from "./fake-networks.ts";
import { OwnedFd } from "../../../src/linux/kernel/fd.ts";

/** A process that a test ends. */
export class FakeProcess implements KeptProcess {
  readonly pid: number;
  readonly keeperPid = 1;
  readonly startTime = 7n;
  readonly terminal = false;
  readonly exited: Promise<Exit>;
  readonly signals: number[] = [];
  readonly attached: Duplex[] = [];
  /** Set, TERM has no effect. */
  isStubborn = false;
  readonly #exit = Promise.withResolvers<Exit>();
  readonly #root: string;

  constructor(pid: number, root: string) {
    this.pid = pid;
    this.#root = root;
    this.exited = this.#exit.promise;
  }

  end(code = 0): void {
    this.finish({ end: { code }, finishedAt: Date.now() });
  }

  finish(exit: Exit): void {
    for (const stream of this.attached) stream.end();
    this.#exit.resolve(exit);
  }

  async attach(): Promise<Duplex> {
    const stream = new PassThrough();
    this.attached.push(stream);
    return stream;
  }

  async resize(): Promise<void> {}

  onTracedCall(): void {}

  signal(number: number): boolean {
    this.signals.push(number);
    if (number === 9 || !this.isStubborn) this.finish({ end: { signal: number }, finishedAt: Date.now() });
    return true;
  }

  killGroup(): void {
    this.signal(9);
  }

  openRoot(): OwnedFd {
    return openDirectoryPath(this.#root);
  }

  openHeld(): OwnedFd {
    throw new Failure("unsupported", "it holds none");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What outlives an engine: processes, cgroups, snapshots. */
export class FakeWorld {
  readonly root: string;
  readonly processes: Map<string, FakeProcess | Exit> = new Map();
  readonly cgroups: Set<string> = new Set();
  readonly networks: FakeNetworks = new FakeNetworks();
  readonly frozen: Set<string> = new Set();
  readonly oomKills: Map<string, number> = new Map();
  readonly layers: Set<Digest> = new Set();
  readonly starts: StartRequest[] = [];
  /** Throws in the next start. */
  startFailure: Failure | undefined;
  snapshotFailure: Failure | undefined;
  /** The prewarmed network namespace. */
  takeNetwork: () => OwnedFd | undefined = () => undefined;
  /** Resolves before each removal of a snapshot goes on. */
  removalGate: Promise<void> = Promise.resolve();
  bootId = "boot-1";
  #pids = 1000;

  constructor(root: string) {
    this.root = root;
    for (const name of ["data", "run", "snapshots", "drafts"])
      mkdirSync(join(root, name), { recursive: true });
  }

  /** The container's running process. */
  processOf(id: string): FakeProcess {
    const found = this.processes.get(join(this.root, "run/containers", id));
    if (!(found instanceof FakeProcess)) throw new Error(`no process of ${id}`);
    return found;
  }

  async parts(): Promise<EngineDependencies> {
    const storage = this.#storage();
    return {
      dataRoot: join(this.root, "data"),
      runRoot: join(this.root, "run"),
      settings: {},
      storage,
      storageChoice: { reason: "there is no other" },
      openStorage: () => Promise.reject(new Error("there is no other")),
      content: await openContentStore(join(this.root, "data")),
      openRegistries: () => Promise.resolve(new Registries()),
      runtime: {
        start: (request) => this.#start(request),
        exec: (request) => this.#exec(request),
        openUserNamespace: async () => new OwnedFd(-1),
        uncoverRoot: async () => new OwnedFd(-1),
        reconnect: async (directory) => this.processes.get(directory),
      },
      prewarming: {
        takeNetwork: () => this.takeNetwork(),
        openDirectories: () => ({ take: () => false, [Symbol.asyncDispose]: async () => {} }),
        hold: () => ({ [Symbol.dispose]: () => {} }),
      },
      cgroups: {
        layout: { v1: [], swapAccounting: true, cpus: "0-1", memoryNodes: "0" },
        path: "tare-fake",
        limitAbove: () => undefined,
        create: (name) => {
          this.cgroups.add(name);
          return this.#cgroup(name);
        },
        open: (name) => this.#cgroup(name),
        exists: (name) => this.cgroups.has(name),
        list: () => [...this.cgroups],
        assign: () => {},
        current: () => "",
        release: () => {},
        leaveParent: () => {},
        missingAbove: () => [],
        claimAbove: () => {},
        watchOom: async () => {},
        pathOf: (name) => `tare-fake/${name}`,
      },
      networks: this.networks.part(),
      host: {
        hostname: "fake-host",
        bootId: this.bootId,
        capabilities: new Set(capabilityNames),
        readText: (path) => (path === "/etc/hosts" ? "127.0.0.1 localhost\n" : ""),
        hasAppArmor: false,
        loadAppArmorProfile: () => undefined,
        listDevices: () => [],
        findBlockDevice: () => ({ major: 8, minor: 0 }),
        findDevices: () => [],
      },
      helloProgram: "/bin/true",
      [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
    };
  }

  async #start(request: StartRequest): Promise<StartedProcess> {
    this.starts.push(request);
    const failure = this.startFailure;
    this.startFailure = undefined;
    if (failure !== undefined) throw failure;
    await request.prewarmedNetwork?.attached;
    await request.attachNetwork?.(process.pid);
    const kept = await this.#spawn(request.beforeFirstInstruction);
    this.processes.set(request.runDirectory, kept);
    return { kept, timing: [{ name: "exec", ms: 0.5 }], warnings: [] };
  }

  async #exec(request: ExecRequest): Promise<StartedProcess> {
    const kept = await this.#spawn(request.whileSettingUp);
    this.processes.set(request.runDirectory, kept);
    return { kept, timing: [], warnings: [] };
  }

  async #spawn(before: ((streams: EarlyStreams) => Promise<void>) | undefined): Promise<FakeProcess> {
    const kept = new FakeProcess(this.#pids++, this.root);
    await before?.(kept);
    return kept;
  }

  #cgroup(name: string): CgroupHandle {
    return {
      oomKills: () => this.oomKills.get(name) ?? 0,
      statistics: async () => undefined,
      pids: () => [],
      killAll: async () => {},
      freeze: async () => void this.frozen.add(name),
      thaw: () => void this.frozen.delete(name),
      isFrozen: () => this.frozen.has(name),
      change: () => () => {},
      remove: async () => void this.cgroups.delete(name),
    };
  }

  #storage(): StorageDriver {
    const place = (id: string): string => join(this.root, "snapshots", id);
    let drafts = 0;
    return {
      name: "fake",
      status: [],
      beginLayer: async (): Promise<LayerDraft> => {
        const path = join(this.root, "drafts", String(drafts++));
        mkdirSync(path, { recursive: true });
        const fd = openDirectoryPath(path);
        return {
          root: fd.fd,
          apply: async (tar, options) => await unpackLayer(tar, fd.fd, options),
          commit: async (diffId) => void this.layers.add(diffId),
          [Symbol.asyncDispose]: async () => {
            fd[Symbol.dispose]();
            rmSync(path, { recursive: true, force: true });
          },
        };
      },
      hasLayer: (diffId) => this.layers.has(diffId),
      listLayers: () => [...this.layers],
      removeLayer: async (diffId) => void this.layers.delete(diffId),
      createSnapshot: async (id) => {
        await Promise.resolve();
        const failure = this.snapshotFailure;
        this.snapshotFailure = undefined;
        if (failure !== undefined) throw failure;
        mkdirSync(place(id));
      },
      listSnapshots: async () => readdirSync(join(this.root, "snapshots")),
      mountSnapshot: async (id): Promise<MountedSnapshot> => {
        const mount = openDirectoryPath(place(id));
        const lock = new OwnedFd(openSync("/dev/null", "r"));
        return {
          mount,
          lock,
          [Symbol.dispose]: () => {
            mount[Symbol.dispose]();
            lock[Symbol.dispose]();
          },
        };
      },
      removeSnapshot: async (id) => {
        await this.removalGate;
        rmSync(place(id), { recursive: true, force: true });
      },
      packChanges: async function* () {},
      listChanges: async () => [],
      viewLayers: async () => openDirectoryPath(this.root),
      usage: async () => ({ bytes: 1, inodes: 1, contentBytes: 1 }),
      describe: async () => ({}),
      health: async () => [],
      settle: async () => {},
      awaitSpace: async () => {},
      [Symbol.asyncDispose]: async () => {
        for (const name of readdirSync(join(this.root, "drafts"))) rmdirSync(join(this.root, "drafts", name));
      },
    };
  }
}
