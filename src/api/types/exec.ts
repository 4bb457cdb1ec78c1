/** Body of `POST /containers/{id}/exec`. */
export interface ExecCreateRequest {
  readonly AttachStdin?: boolean | undefined;
  readonly AttachStdout?: boolean | undefined;
  readonly AttachStderr?: boolean | undefined;
  /** Rows, then columns. */
  readonly ConsoleSize?: readonly number[] | null | undefined;
  readonly DetachKeys?: string | undefined;
  readonly Tty?: boolean | undefined;
  readonly Env?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly Privileged?: boolean | undefined;
  readonly User?: string | undefined;
  readonly WorkingDir?: string | undefined;
  /** Sent by docker-cli with false; has no meaning of its own. */
  readonly Detach?: boolean | undefined;
}

/** Body of `POST /exec/{id}/start`. */
export interface ExecStartRequest {
  readonly Detach?: boolean | undefined;
  readonly Tty?: boolean | undefined;
  /** Rows, then columns. */
  readonly ConsoleSize?: readonly number[] | null | undefined;
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
    readonly user?: string | undefined;
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
