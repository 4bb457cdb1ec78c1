import { ContainersClient } from "./containers.ts";
import { ExecutionsClient } from "./executions.ts";
import { type Host, parseHost } from "./host.ts";
import { ImagesClient } from "./images.ts";
import { ManifestsClient } from "./manifests.ts";
import { NetworksClient } from "./networks.ts";
import { SecretsClient } from "./secrets.ts";
import { PodsClient } from "./pods.ts";
import { SystemClient } from "./system.ts";
import { Transport } from "./transport.ts";
import type { Connector } from "./http/socket.ts";
import { VolumesClient } from "./volumes.ts";

export interface ClientOptions {
  /** `unix:///run/tare/tare.sock`, `tcp://localhost:2375`, or one already parsed. */
  readonly host: string | Host;
  /** Sent with each request; `daemonBuildId` is the answer. */
  readonly buildId?: string;
  /** Starts a daemon; called when there is none before the first reply. For unix sockets only. */
  readonly revive?: () => Promise<void>;
  /** How sockets are connected; default: by node:net. */
  readonly connector?: Connector;
}

/**
 * A typed client of the Docker Engine API. Nothing is connected before the first call. Error replies are Failures
 * with `details.fromDaemon`; a daemon that can't be reached is Failure("unavailable" or "not-permitted").
 * Dispose it to close its connections; those at rest do not keep the program alive.
 */
export class Client implements Disposable {
  readonly containers: ContainersClient;
  readonly executions: ExecutionsClient;
  readonly images: ImagesClient;
  readonly manifests: ManifestsClient;
  readonly system: SystemClient;
  readonly volumes: VolumesClient;
  readonly networks: NetworksClient;
  readonly secrets: SecretsClient;
  readonly pods: PodsClient;
  readonly #transport: Transport;

  /** Throws Failure("invalid") when the host can't be read. */
  constructor({ host, ...options }: ClientOptions) {
    this.#transport = new Transport(typeof host === "string" ? parseHost(host) : host, options);
    this.containers = new ContainersClient(this.#transport);
    this.executions = new ExecutionsClient(this.#transport);
    this.images = new ImagesClient(this.#transport);
    this.manifests = new ManifestsClient(this.#transport);
    this.system = new SystemClient(this.#transport);
    this.volumes = new VolumesClient(this.#transport);
    this.networks = new NetworksClient(this.#transport);
    this.secrets = new SecretsClient(this.#transport);
    this.pods = new PodsClient(this.#transport);
  }

  get host(): Host {
    return this.#transport.host;
  }

  /** Connects already, without asking anything: the first request finds the connection made. */
  async open(): Promise<void> {
    await this.#transport.open();
  }

  /** The build that is known to serve there, until a reply tells. */
  expectBuild(id: string): void {
    this.#transport.expectBuild(id);
  }

  /** The daemon's, from its last reply, or expected; undefined before that, or when the daemon is not Tare. */
  get daemonBuildId(): string | undefined {
    return this.#transport.daemonBuildId;
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }
}
