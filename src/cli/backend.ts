import type { Duplex, Readable } from "node:stream";

/** Names to lists, as the Docker API takes filters. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** JSON as the API gives it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = Readonly<Record<string, unknown>>;

/** One row of `GET /containers/json`. */
export interface ContainerRow {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly State: string;
  readonly Status: string;
  readonly Ports?: readonly PortRow[];
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Mounts?: readonly { readonly Name?: string; readonly Source?: string; readonly Type?: string }[];
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, unknown>> | null };
}

export interface PortRow {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** One row of `GET /images/json`. */
export interface ImageRow {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly Size: number;
  readonly SharedSize?: number;
  readonly Containers?: number;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** The body of `POST /containers/create`. */
export type ContainerConfig = JsonObject;

export interface ExecConfig {
  readonly Cmd: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Tty: boolean;
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Privileged?: boolean;
  readonly DetachKeys?: string;
  readonly ConsoleSize?: readonly [rows: number, columns: number];
}

/** A connection that was taken over: bytes of a terminal, or Docker's frames. */
export interface Hijacked {
  readonly duplex: Duplex;
  /** The server's word whether the bytes are framed; absent: it did not say. */
  readonly isFramed?: boolean;
}

export interface WaitAnswer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null;
}

/** Where the time of a start went; engines other than ours do not say. */
export interface StartAnswer {
  readonly timing?: {
    readonly totalMs: number;
    readonly phases: readonly { readonly name: string; readonly ms: number }[];
  };
}

export interface EventRow {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes?: Readonly<Record<string, string>> | null };
  readonly scope?: string;
  readonly time: number;
  readonly timeNano: number;
}

/** One JSON message of a stream of progress (`load`, `import`). */
export interface ProgressMessage {
  readonly id?: string;
  readonly status?: string;
  readonly stream?: string;
  readonly progress?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number } | null;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string } | null;
}

export interface NamespacesRow {
  readonly Id: string;
  readonly Name: string;
  readonly Pid: number;
  readonly Namespaces: Readonly<
    Record<string, { readonly Inode: number; readonly SharedWith: readonly string[] }>
  >;
}

export interface FindingRow {
  readonly Subject: string;
  readonly Problem: string;
  readonly Advice: string;
}

/** What the commands need of a daemon: the Docker Engine API in its own names, failures as Failure. */
export interface Backend {
  createContainer(
    config: ContainerConfig,
    options: { readonly name?: string; readonly platform?: string },
  ): Promise<{ readonly Id: string; readonly Warnings?: readonly string[] | null }>;
  attachContainer(
    reference: string,
    options: {
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
      readonly logs?: boolean;
      readonly detachKeys?: string;
    },
  ): Promise<Hijacked>;
  startContainer(reference: string, options?: { readonly detachKeys?: string }): Promise<StartAnswer>;
  /** Resolves once the daemon has registered the wait, with the promise of its end. */
  waitContainer(
    reference: string,
    options: { readonly condition: "not-running" | "next-exit" | "removed"; readonly signal?: AbortSignal },
  ): Promise<{ readonly ended: Promise<WaitAnswer> }>;
  resizeContainer(reference: string, size: { readonly rows: number; readonly columns: number }): Promise<void>;
  killContainer(reference: string, options: { readonly signal?: string }): Promise<void>;
  stopContainer(
    reference: string,
    options: { readonly signal?: string; readonly timeoutSeconds?: number },
  ): Promise<void>;
  restartContainer(
    reference: string,
    options: { readonly signal?: string; readonly timeoutSeconds?: number },
  ): Promise<void>;
  removeContainer(
    reference: string,
    options: { readonly force?: boolean; readonly volumes?: boolean; readonly link?: boolean },
  ): Promise<void>;
  listContainers(options: {
    readonly all?: boolean;
    readonly limit?: number;
    readonly size?: boolean;
    readonly filters?: Filters;
  }): Promise<readonly ContainerRow[]>;
  inspectContainer(reference: string, options?: { readonly size?: boolean }): Promise<JsonObject>;
  containerLogs(
    reference: string,
    options: {
      readonly follow?: boolean;
      readonly since?: string;
      readonly until?: string;
      readonly tail?: string;
      readonly timestamps?: boolean;
      readonly details?: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<Readable>;
  createExec(reference: string, config: ExecConfig): Promise<{ readonly Id: string }>;
  startExec(
    id: string,
    options: { readonly tty: boolean; readonly consoleSize?: readonly [rows: number, columns: number] },
  ): Promise<Hijacked>;
  startExecDetached(id: string, options: { readonly tty: boolean }): Promise<void>;
  resizeExec(id: string, size: { readonly rows: number; readonly columns: number }): Promise<void>;
  inspectExec(id: string): Promise<{ readonly Running: boolean; readonly ExitCode: number | null }>;

  listImages(options: { readonly all?: boolean; readonly digests?: boolean; readonly filters?: Filters }): Promise<
    readonly ImageRow[]
  >;
  inspectImage(reference: string): Promise<JsonObject>;
  removeImage(
    reference: string,
    options: { readonly force?: boolean; readonly noPrune?: boolean },
  ): Promise<readonly { readonly Untagged?: string; readonly Deleted?: string }[]>;
  loadImages(
    archive: AsyncIterable<Uint8Array>,
    options: { readonly quiet?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>;
  importImage(
    archive: AsyncIterable<Uint8Array>,
    options: {
      readonly repository?: string;
      readonly tag?: string;
      readonly message?: string;
      readonly changes?: readonly string[];
      readonly platform?: string;
    },
  ): AsyncIterable<ProgressMessage>;

  events(options: {
    readonly since?: string;
    readonly until?: string;
    readonly filters?: Filters;
    readonly signal?: AbortSignal;
  }): AsyncIterable<EventRow>;
  info(): Promise<JsonObject>;
  version(): Promise<JsonObject>;
  namespaces(): Promise<readonly NamespacesRow[]>;
  check(): Promise<readonly FindingRow[]>;
  /** Waits until what was removed is gone; gives how many things are still there when the time is up. */
  settle(options: { readonly timeoutSeconds?: number }): Promise<void>;
  stopDaemon(): Promise<void>;
}
