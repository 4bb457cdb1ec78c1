/** Body of `POST /containers/{id}/exec`. */
export interface ExecCreateRequest {
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  /** Rows, then columns. */
  readonly ConsoleSize?: readonly number[] | null;
  readonly DetachKeys?: string;
  readonly Tty?: boolean;
  readonly Env?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Privileged?: boolean;
  readonly User?: string;
  readonly WorkingDir?: string;
  /** Sent by docker-cli with false; has no meaning of its own. */
  readonly Detach?: boolean;
}

/** Body of `POST /exec/{id}/start`. */
export interface ExecStartRequest {
  readonly Detach?: boolean;
  readonly Tty?: boolean;
  /** Rows, then columns. */
  readonly ConsoleSize?: readonly number[] | null;
}

/** `GET /exec/{id}/json`. */
export interface ExecInspect {
  readonly ID: string;
  readonly Running: boolean;
  /** Null while it has not ended. */
  readonly ExitCode: number | null;
  readonly ProcessConfig: {
    readonly tty: boolean;
    readonly entrypoint: string;
    readonly arguments: readonly string[];
    readonly privileged: boolean;
    readonly user?: string;
  };
  readonly OpenStdin: boolean;
  readonly OpenStderr: boolean;
  readonly OpenStdout: boolean;
  readonly CanRemove: boolean;
  readonly ContainerID: string;
  readonly DetachKeys: string;
  readonly Pid: number;
}

export interface IdResponse {
  readonly Id: string;
}
