import type { ContainerId } from "./ids.ts";
import type { TerminalSize } from "./streams.ts";

/** A further program in a running container. Absent settings are those of the container. */
export interface ExecSpec {
  readonly command: readonly string[];
  readonly env?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly workingDirectory?: string | undefined;
  readonly terminal?: boolean | undefined;
  readonly attachStdin?: boolean | undefined;
  readonly attachStdout?: boolean | undefined;
  readonly attachStderr?: boolean | undefined;
  readonly privileged?: boolean | undefined;
  readonly detachKeys?: string | undefined;
  readonly consoleSize?: TerminalSize | undefined;
}

/** The details of a created exec. */
export interface ExecDetails {
  readonly id: string;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  readonly state:
    | { readonly status: "created" }
    | { readonly status: "running"; readonly pid: number }
    | { readonly status: "exited"; readonly code: number; readonly pid?: number | undefined };
}
