import { type Filters, formatFilters } from "../api/http/filters.ts";
import type { EventMessage } from "../api/types/event.ts";
import type { Network } from "../api/types/network.ts";
import type { Ping, SystemInfo, SystemVersion } from "../api/types/system.ts";
import type {
  CheckFinding,
  NamespacesRow,
  ReachRow,
  StoreUsage,
  TareBuild,
  DescriptorOffer,
} from "../api/types/tare.ts";
import type { StorageBenchMessage } from "../api/types/storage-bench.ts";
import type { SystemUsage } from "../api/types/usage.ts";
import type { LoginRequest } from "../api/image/registry-auth.ts";
import type { Signaled } from "./containers.ts";
import { segment } from "./query.ts";
import type { Transport } from "./transport.ts";

/** Calls about the daemon itself, and those only Tare has. */
export class SystemClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async ping({ signal }: Signaled = {}): Promise<Ping> {
    const reply = await this.#transport.call({ method: "HEAD", path: "/_ping", signal });
    const build = reply.header("tare-build");
    return {
      apiVersion: reply.header("api-version") ?? "",
      osType: reply.header("ostype") ?? "",
      experimental: reply.header("docker-experimental") === "true",
      builderVersion: reply.header("builder-version") ?? "",
      tareBuild: build,
    };
  }

  version(): Promise<SystemVersion> {
    return this.#transport.json({ method: "GET", path: "/version" });
  }

  info({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<SystemInfo> {
    return this.#transport.json({ method: "GET", path: "/info", signal });
  }

  /** Whether the registry accepts the user; a failure when it does not. */
  logIn(
    request: LoginRequest,
  ): Promise<{ readonly Status: string; readonly IdentityToken?: string | undefined }> {
    return this.#transport.json({ method: "POST", path: "/auth", json: request });
  }

  /** The disk usage by kind; `types` as in Docker's API, none: all. */
  usage({
    types,
    signal,
  }: { readonly types?: readonly string[] | undefined } & Signaled = {}): Promise<SystemUsage> {
    return this.#transport.json({ method: "GET", path: "/system/df", query: { type: types }, signal });
  }

  /** Times are seconds since 1970 with an optional fraction, or RFC 3339. Without `until` it never ends by itself. */
  events(
    options: {
      readonly since?: string | undefined;
      readonly until?: string | undefined;
      readonly filters?: Filters | undefined;
    } & Signaled = {},
  ): AsyncGenerator<EventMessage, void, undefined> {
    const { since, until, signal } = options;
    const query = { since, until, filters: formatFilters(options.filters) };
    return this.#transport.lines({ method: "GET", path: "/events", query, signal });
  }

  networks(filters?: Filters): Promise<Network[]> {
    return this.#transport.json({
      method: "GET",
      path: "/networks",
      query: { filters: formatFilters(filters) },
    });
  }

  inspectNetwork(reference: string): Promise<Network> {
    return this.#transport.json({ method: "GET", path: `/networks/${segment(reference)}` });
  }

  build({ signal }: Signaled = {}): Promise<TareBuild> {
    return this.#transport.json({ method: "GET", path: "/tare/build", signal });
  }

  namespaces(): Promise<NamespacesRow[]> {
    return this.#transport.json({ method: "GET", path: "/tare/namespaces" });
  }

  /** From where published ports can be reached. "not-found" from a daemon that is not ours. */
  reach({ signal }: Signaled = {}): Promise<ReachRow[]> {
    return this.#transport.json({ method: "GET", path: "/tare/reach", signal });
  }

  /** The disk usage of the data root. "not-found" from a daemon other than Tare's. */
  storeUsage({ signal }: Signaled = {}): Promise<StoreUsage> {
    return this.#transport.json({ method: "GET", path: "/tare/usage", signal });
  }

  /** Compares the storage drivers, for as long as it is read. Failures on the way come as a message with `error`. */
  benchStorage(
    options: {
      readonly quick?: boolean | undefined;
      readonly sizeBytes?: number | undefined;
      readonly containers?: number | undefined;
    } & Signaled = {},
  ): AsyncGenerator<StorageBenchMessage, void, undefined> {
    const { quick, sizeBytes: size, containers, signal } = options;
    const query = { quick, size, containers };
    return this.#transport.lines({ method: "POST", path: "/tare/storage/bench", query, signal });
  }

  /** With `verify` every blob and layer is read: slow. */
  check({
    verify,
    signal,
  }: { readonly verify?: boolean | undefined } & Signaled = {}): Promise<CheckFinding[]> {
    return this.#transport.json({
      method: "GET",
      path: "/tare/check",
      query: { verify: verify === true ? true : undefined },
      signal,
    });
  }

  /** Where descriptors of this process are sent to have these numbers in a program. */
  offerDescriptors(targets: readonly number[]): Promise<DescriptorOffer> {
    return this.#transport.json({ method: "POST", path: "/tare/descriptors", json: { Targets: targets } });
  }

  /** Waits until all removal that goes on behind the answers is done. */
  async settle({ signal }: Signaled = {}): Promise<void> {
    await this.#transport.status({ method: "POST", path: "/tare/settle", signal });
  }

  /** The daemon answers, then ends; containers run on. */
  async shutdown(): Promise<void> {
    await this.#transport.status({ method: "POST", path: "/tare/shutdown" });
  }
}
