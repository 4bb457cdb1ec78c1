import { BuildsClient } from "./builds.ts";
import { ExecutionsClient } from "./executions.ts";
import { ImagesClient } from "./images.ts";
import { ManifestsClient } from "./manifests.ts";
import { NetworksClient } from "./networks.ts";
import { PodsClient } from "./pods.ts";
import { SecretsClient } from "./secrets.ts";
import { SystemClient } from "./system.ts";
import { VolumesClient } from "./volumes.ts";
import { type ClientOptions, LeanClient } from "./lean-client.ts";

/**
 * A typed client of the Docker Engine API. Nothing is connected before the first call. Error replies are Failures
 * with `details.fromDaemon`; a daemon that can't be reached is Failure("unavailable" or "not-permitted").
 * Dispose it to close its connections; those at rest do not keep the program alive.
 */
export class Client extends LeanClient {
  readonly builds: BuildsClient;
  readonly executions: ExecutionsClient;
  readonly images: ImagesClient;
  readonly manifests: ManifestsClient;
  readonly system: SystemClient;
  readonly volumes: VolumesClient;
  readonly networks: NetworksClient;
  readonly secrets: SecretsClient;
  readonly pods: PodsClient;

  /** Throws Failure("invalid") when the host can't be read. Shares the connections of a client that is given. */
  constructor(options: ClientOptions | LeanClient) {
    super(options instanceof LeanClient ? options.transport : options);
    this.builds = new BuildsClient(this.transport);
    this.executions = new ExecutionsClient(this.transport);
    this.images = new ImagesClient(this.transport);
    this.manifests = new ManifestsClient(this.transport);
    this.system = new SystemClient(this.transport);
    this.volumes = new VolumesClient(this.transport);
    this.networks = new NetworksClient(this.transport);
    this.secrets = new SecretsClient(this.transport);
    this.pods = new PodsClient(this.transport);
  }
}
