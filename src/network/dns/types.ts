/** One endpoint as names see it. */
export interface NameEntry {
  readonly endpointId: string;
  /**
   * All names that it is found by: the container's, aliases, its short id. The first one is what its address is called.
   */
  readonly names: readonly string[];
  /** As text, of either family. */
  readonly addresses: readonly string[];
}

/** A name server for names other than containers'. */
export interface Upstream {
  readonly address: string;
  /** Default 53. */
  readonly port?: number | undefined;
  /** Which network namespace asks: what the container may not reach, its questions do not reach either. */
  readonly from: "container" | "host";
}

/** How many queries and TCP connections of all containers together are served at a time. */
export interface NameBounds {
  readonly queries: number;
  readonly connections: number;
}

/** The names that one container may look up. */
export interface NameView {
  /**
   * In the order in which they are asked. `links` are this container's own names for others. They travel as JSON, so no
   * Map.
   */
  readonly networks: readonly {
    readonly id: string;
    readonly links?: readonly (readonly [alias: string, name: string])[] | undefined;
  }[];
  /** Asked one after the other. Empty: all of its networks are internal, nothing leaves them. */
  readonly upstreams: readonly Upstream[];
  /** The user set `ndots`: names without a dot are then for the search domains, and are not passed on. */
  readonly ndotsSet?: boolean | undefined;
}
