import type { ContainerId } from "./ids.ts";
import type { TerminalSize } from "./streams.ts";

/** A further program in a running container. Absent settings are those of the container. */
export interface ExecSpec {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly terminal?: boolean;
  readonly attachStdin?: boolean;
  readonly attachStdout?: boolean;
  readonly attachStderr?: boolean;
  readonly privileged?: boolean;
  readonly detachKeys?: string;
  readonly consoleSize?: TerminalSize;
}

/** What is known of a created exec. */
export interface ExecDetails {
  readonly id: string;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  readonly state:
    | { readonly status: "created" }
    | { readonly status: "running"; readonly pid: number }
    | { readonly status: "exited"; readonly code: number };
}
