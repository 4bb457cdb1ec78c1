/** One entry of a device allow-list; an absent number stands for all of them. */
export interface DeviceRule {
  readonly type: "c" | "b" | "a";
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** Letters of `rwm`: read, write, mknod. */
  readonly access: string;
}

/**
 * The default rules of every container, as in Docker: make any node (mknod alone opens nothing), and use the harmless
 * ones. All else is denied: otherwise a container's root could create a node of the host's disk and read it.
 */
export const defaultDeviceRules: readonly DeviceRule[] = [
  { type: "c", access: "m" },
  { type: "b", access: "m" },
  { type: "c", major: 1, minor: 3, access: "rwm" }, // null
  { type: "c", major: 1, minor: 5, access: "rwm" }, // zero
  { type: "c", major: 1, minor: 7, access: "rwm" }, // full
  { type: "c", major: 1, minor: 8, access: "rwm" }, // random
  { type: "c", major: 1, minor: 9, access: "rwm" }, // urandom
  { type: "c", major: 5, minor: 0, access: "rwm" }, // tty
  { type: "c", major: 5, minor: 2, access: "rwm" }, // ptmx
  { type: "c", major: 136, access: "rwm" }, // pts
];
