/** A device of the host for a container. */
export interface DeviceSpec {
  /** Absolute path on the host: a node, or a directory of nodes; links are followed. */
  readonly source: string;
  readonly target: string;
  /** Letters of `rwm`: read, write, mknod. */
  readonly access: string;
}

/** Additional devices that may be opened or made; an absent number stands for all of them. */
export interface DeviceRuleSpec {
  readonly type: "a" | "b" | "c";
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** Letters of `rwm`. */
  readonly access: string;
}

/** Devices that a driver chooses, as Docker's API requests them. */
export interface DeviceRequestSpec {
  /** "cdi": `ids` are names of CDI devices; "nvidia" or "": GPUs. */
  readonly driver: string;
  /** Number of devices; -1: all. */
  readonly count: number;
  readonly ids: readonly string[];
  /** The driver must have all capabilities of one of these lists. */
  readonly capabilities: readonly (readonly string[])[];
  readonly options: Readonly<Record<string, string>>;
}
