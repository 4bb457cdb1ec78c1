/** The subject of a check of the host. */
export type HostCheckGroup =
  | "kernel"
  | "cgroup"
  | "limits"
  | "firewall"
  | "disk"
  | "clock"
  | "resolver"
  | "programs"
  | "daemon";

/**
 * "missing": Tare does not work without it. "warning": a part of Tare does not work, or soon will not. "info": worth
 * knowing, or not visible to this user.
 */
export type HostCheckStatus = "ok" | "info" | "warning" | "missing";

/** One check of the host. */
export interface HostFinding {
  readonly group: HostCheckGroup;
  /** Unique in its group, and the same on each host: `ip_forward`. */
  readonly check: string;
  readonly status: HostCheckStatus;
  /** The state of the host: for people. */
  readonly found: string;
  /** The features that do not work in this state. Absent: none. */
  readonly affects?: string | undefined;
  /** Commands for this distribution's shell, in their order. Empty: nothing to do, or no command does it. */
  readonly fix: readonly string[];
}
