import { defined } from "../base/defined.ts";
import { Client } from "../client/client.ts";
import type { StorageBenchEvent, StorageBenchOptions } from "../model/storage-bench.ts";
import type { CheckFinding, ContainerNamespaces, Engine, EngineEvent, EngineInfo } from "../model/engine.ts";
import type { DescriptorOffer } from "../model/descriptors.ts";
import type { Images } from "../model/images.ts";
import type { Containers } from "../model/containers.ts";
import type { Manifests } from "../model/manifests.ts";
import { ConnectedManifests } from "./connected-manifests.ts";
import type { DiskUsage, StoreUsage } from "../model/usage.ts";
import type { Volumes } from "../model/volumes.ts";
import { imageUsageOf, storeUsageOf, volumeWithUsageOf, withSizes } from "./usage-reply.ts";
import { benchEventOf } from "./bench-reply.ts";
import { ConnectedContainers, timeText } from "./connected-containers.ts";
import { ConnectedImages } from "./connected-images.ts";
import type { Networks } from "../model/networks.ts";
import type { Secrets } from "../model/secrets.ts";
import { ConnectedSecrets } from "./connected-secrets.ts";
import { ConnectedNetworks } from "./connected-networks.ts";
import { ConnectedPods } from "./connected-pods.ts";
import type { Pods } from "../model/pods.ts";
import { ConnectedVolumes } from "./connected-volumes.ts";
import { parseContainerId } from "../model/ids.ts";
import type { Digest } from "../spec/digest.ts";
import type { BuildImageOptions } from "./build-image.ts";

/** An engine behind a socket, by the Docker Engine API. Fields that the API lacks are empty. */
export class ConnectedEngine implements Engine {
  readonly containers: Containers;
  readonly images: Images;
  readonly manifests: Manifests;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly secrets: Secrets;
  readonly pods: Pods;
  readonly #client: Client;
  readonly #containers: ConnectedContainers;

  constructor(client: Client) {
    this.#client = client;
    this.#containers = new ConnectedContainers(client);
    this.containers = this.#containers;
    this.images = new ConnectedImages(client);
    this.manifests = new ConnectedManifests(client);
    this.volumes = new ConnectedVolumes(client);
    this.networks = new ConnectedNetworks(client);
    this.secrets = new ConnectedSecrets(client);
    this.pods = new ConnectedPods(client);
  }

  /** See LibraryEngine.build(). */
  async buildImage(options: BuildImageOptions): Promise<Digest> {
    const { buildRemotely } = await import("./build-image.ts");
    return await buildRemotely(this.#client, options);
  }

  /** Times have the precision of a JavaScript number: microseconds. */
  async *events(options: Parameters<Engine["events"]>[0] = {}): AsyncGenerator<EngineEvent, void> {
    const { sinceMs, untilMs, filters, signal } = options;
    const messages = this.#client.system.events({
      since: sinceMs === undefined ? undefined : timeText(sinceMs),
      until: untilMs === undefined ? undefined : timeText(untilMs),
      filters,
      signal,
    });
    try {
      for await (const { Type: type, Action: action, Actor: actor, timeNano } of messages) {
        yield {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the daemon sends events of these types only
          type: type as EngineEvent["type"],
          action,
          actor: { id: actor.ID, attributes: actor.Attributes },
          timeNs: BigInt(timeNano),
        };
      }
    } catch (thrown) {
      if (signal?.aborted !== true) throw thrown;
    }
  }

  async diskUsage(options: Parameters<Engine["diskUsage"]>[0] = {}): Promise<DiskUsage> {
    const { kinds = ["image", "container", "volume"], signal } = options;
    if (kinds.length === 0) return { layersBytes: 0 };
    const { LayersSize, Images, Containers, Volumes } = await this.#client.system.usage({
      types: kinds,
      signal,
    });
    const containers = await this.#containers.summarize(Containers ?? []);
    const users = Volumes === null ? [] : await this.#client.containers.list({ all: true, signal });
    return defined({
      layersBytes: LayersSize,
      images: Images === null ? undefined : Images.map(imageUsageOf),
      containers: Containers === null ? undefined : containers.flatMap(withSizes),
      volumes: Volumes === null ? undefined : Volumes.map((volume) => volumeWithUsageOf(volume, users)),
    });
  }

  async info(): Promise<EngineInfo> {
    const [info, { DataRoot: dataRoot, RunRoot: runRoot }] = await Promise.all([
      this.#client.system.info(),
      this.#client.system.build(),
    ]);
    return {
      id: info.ID,
      name: info.Name,
      version: info.ServerVersion,
      dataRoot,
      runRoot,
      kernelVersion: info.KernelVersion,
      operatingSystem: info.OperatingSystem,
      architecture: info.Architecture,
      cpus: info.NCPU,
      memoryBytes: info.MemTotal,
      containers: {
        running: info.ContainersRunning,
        paused: info.ContainersPaused,
        stopped: info.ContainersStopped,
      },
      images: info.Images,
      storage: {
        driver: info.Driver,
        status: info.DriverStatus.map(([name = "", value = ""]) => [name, value] as const),
      },
      cgroups: { version: info.CgroupVersion, controllers: {} },
      networkDrivers: info.Plugins.Network,
      cdi: {
        directories: info.CDISpecDirs ?? [],
        devices: (info.DiscoveredDevices ?? []).map(({ ID }) => ID),
      },
      warnings: info.Warnings ?? [],
    };
  }

  async namespaces(): Promise<readonly ContainerNamespaces[]> {
    const rows = await this.#client.system.namespaces();
    return rows.map((row) => ({
      id: row.Id === "" ? "" : parseContainerId(row.Id),
      name: row.Name,
      pid: row.Pid,
      namespaces: Object.fromEntries(
        Object.entries(row.Namespaces).map(([type, { Inode: inode, SharedWith: sharedWith }]) => [
          type,
          { inode, sharedWith },
        ]),
      ),
    }));
  }

  async storeUsage(options: Parameters<Engine["storeUsage"]>[0] = {}): Promise<StoreUsage> {
    return storeUsageOf(await this.#client.system.storeUsage(options));
  }

  async *benchStorage(options: StorageBenchOptions = {}): AsyncGenerator<StorageBenchEvent, void> {
    for await (const message of this.#client.system.benchStorage(options)) yield benchEventOf(message);
  }

  async check(options: Parameters<Engine["check"]>[0] = {}): Promise<readonly CheckFinding[]> {
    const findings = await this.#client.system.check(options);
    return findings.map((each) => ({ subject: each.Subject, problem: each.Problem, advice: each.Advice }));
  }

  async offerDescriptors(targets: readonly number[]): Promise<DescriptorOffer> {
    const { Socket: socket, Token: token } = await this.#client.system.offerDescriptors(targets);
    return { socket, token };
  }

  settle(): Promise<void> {
    return this.#client.system.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
  }
}

/**
 * Connects at once: throws "unavailable" when no daemon listens there. The caller disposes of it; the daemon keeps
 * running.
 */
export async function connectTo(host: string): Promise<ConnectedEngine> {
  const client = new Client({ host });
  try {
    await client.system.ping();
    return new ConnectedEngine(client);
  } catch (thrown) {
    client[Symbol.dispose]();
    throw thrown;
  }
}
