import { isOneOf } from "../base/keys.ts";
import { formatShareWord, parseShareWord } from "../api/pod/pod-request.ts";
import { parsePorts } from "../api/container/published-ports.ts";
import { parseLimits } from "../api/container/limits.ts";
import type { Pod } from "../api/types/pod.ts";
import type { Client } from "../client/client.ts";
import { type PodDetails, podNamespaces, type Pods, type PodSpec, type PodState } from "../model/pods.ts";
import { createRequestOf } from "./create-request.ts";
import { parseContainerId } from "../model/ids.ts";

type Filters = Readonly<Record<string, readonly string[]>>;
type Grace = { readonly graceMs?: number | undefined };

/** The pods of an engine behind a socket. */
export class ConnectedPods implements Pods {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async create(spec: PodSpec = {}): ReturnType<Pods["create"]> {
    const {
      name,
      share,
      network,
      user,
      infraName,
      labels,
      limits,
      restartPolicy,
      shmBytes,
      sysctls,
      ...own
    } = spec;
    const { Image: _, ...request } = createRequestOf({
      image: "",
      isolation: { sysctls, namespaces: { network, user } },
      resources: { limits },
      storage: { shmBytes },
      network: own,
      lifecycle: { restartPolicy },
    });
    const { Id, Warnings } = await this.#client.pods.create({
      ...request,
      Name: name,
      InfraName: infraName,
      Labels: labels,
      Share: share?.map(formatShareWord),
    });
    return { id: parseContainerId(Id), warnings: Warnings };
  }

  async list({
    filters = {},
  }: {
    readonly filters?: Filters | undefined;
  } = {}): Promise<readonly PodDetails[]> {
    return (await this.#client.pods.list(filters)).map(podDetailsOf);
  }

  async inspect(reference: string): Promise<PodDetails> {
    return podDetailsOf(await this.#client.pods.inspect(reference));
  }

  start(reference: string): Promise<void> {
    return this.#client.pods.act(reference, "start");
  }

  stop(reference: string, grace: Grace = {}): Promise<void> {
    return this.#client.pods.end(reference, "stop", secondsOf(grace));
  }

  restart(reference: string, grace: Grace = {}): Promise<void> {
    return this.#client.pods.end(reference, "restart", secondsOf(grace));
  }

  kill(reference: string, options: { readonly signal?: string | undefined } = {}): Promise<void> {
    return this.#client.pods.kill(reference, options);
  }

  pause(reference: string): Promise<void> {
    return this.#client.pods.act(reference, "pause");
  }

  unpause(reference: string): Promise<void> {
    return this.#client.pods.act(reference, "unpause");
  }

  remove(reference: string, options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    return this.#client.pods.remove(reference, options);
  }

  async prune({ filters = {} }: { readonly filters?: Filters | undefined } = {}): ReturnType<Pods["prune"]> {
    return { removed: (await this.#client.pods.prune(filters)).PodsDeleted.map(parseContainerId) };
  }
}

/** The API has whole seconds. */
function secondsOf({ graceMs }: Grace): { readonly graceSeconds?: number | undefined } {
  return graceMs === undefined ? {} : { graceSeconds: Math.ceil(graceMs / 1000) };
}

/** The reply of `pod inspect`, in the engine's words. */
function podDetailsOf(pod: Pod): PodDetails {
  const { InfraConfig: infra } = pod;
  return {
    id: parseContainerId(pod.Id),
    name: pod.Name,
    createdAt: Date.parse(pod.Created),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the daemon writes the engine's words, capitalized
    state: pod.State.toLowerCase() as PodState,
    labels: pod.Labels,
    share: pod.SharedNamespaces.map(parseShareWord).filter((type) => isOneOf(podNamespaces, type)),
    hostname: pod.Hostname,
    infraId: parseContainerId(pod.InfraContainerID),
    containers: pod.Containers.map(({ Id, Name, State }) => ({
      id: parseContainerId(Id),
      name: Name,
      state: State,
    })),
    networks: infra.Networks,
    ports: parsePorts({ PortBindings: infra.PortBindings }),
    extraHosts: infra.HostAdd,
    dns: infra.DNSServer,
    dnsSearch: infra.DNSSearch,
    dnsOptions: infra.DNSOption,
    limits: parseLimits(pod.Limits),
  };
}
