import type { Duplex, Readable } from "node:stream";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerSummary,
  ContainerWaitResponse,
  StartTiming,
} from "../api/types/container.ts";
import type { EventMessage } from "../api/types/event.ts";
import type { ExecCreateRequest, ExecInspect, IdResponse } from "../api/types/exec.ts";
import type { ImageDeleteItem, ImageInspect, ImageSummary } from "../api/types/image.ts";
import type { ProgressMessage } from "../api/types/progress.ts";
import type { SystemInfo, SystemVersion } from "../api/types/system.ts";
import type { CheckFinding, NamespacesRow } from "../api/types/tare.ts";

/** Names to lists, as the Docker API takes filters. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** A connection that was taken over: bytes of a terminal, or Docker's frames. */
export interface Hijacked {
  readonly duplex: Duplex;
  /** The server's word whether the bytes are framed; absent: it did not say. */
  readonly isFramed?: boolean;
}

/** What the commands need of a daemon: the Docker Engine API in its own names, failures as Failure. */
export interface Backend {
  createContainer(
    config: ContainerCreateRequest,
    options: { readonly name?: string; readonly platform?: string },
  ): Promise<ContainerCreateResponse>;
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
  /** Where the time went, when the daemon says so. */
  startContainer(
    reference: string,
    options?: { readonly detachKeys?: string },
  ): Promise<StartTiming | undefined>;
  /** Resolves once the daemon has registered the wait, with the promise of its end. */
  waitContainer(
    reference: string,
    options: { readonly condition: "not-running" | "next-exit" | "removed"; readonly signal?: AbortSignal },
  ): Promise<{ readonly ended: Promise<ContainerWaitResponse> }>;
  resizeContainer(
    reference: string,
    size: { readonly rows: number; readonly columns: number },
  ): Promise<void>;
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
  }): Promise<readonly ContainerSummary[]>;
  inspectContainer(reference: string, options?: { readonly size?: boolean }): Promise<ContainerInspect>;
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
  createExec(reference: string, config: ExecCreateRequest): Promise<IdResponse>;
  startExec(
    id: string,
    options: { readonly tty: boolean; readonly consoleSize?: readonly [rows: number, columns: number] },
  ): Promise<Hijacked>;
  startExecDetached(id: string, options: { readonly tty: boolean }): Promise<void>;
  resizeExec(id: string, size: { readonly rows: number; readonly columns: number }): Promise<void>;
  inspectExec(id: string): Promise<ExecInspect>;

  listImages(options: {
    readonly all?: boolean;
    readonly digests?: boolean;
    readonly filters?: Filters;
  }): Promise<readonly ImageSummary[]>;
  inspectImage(reference: string): Promise<ImageInspect>;
  removeImage(
    reference: string,
    options: { readonly force?: boolean; readonly noPrune?: boolean },
  ): Promise<readonly ImageDeleteItem[]>;
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
  }): AsyncIterable<EventMessage>;
  info(): Promise<SystemInfo>;
  version(): Promise<SystemVersion>;
  namespaces(): Promise<readonly NamespacesRow[]>;
  check(): Promise<readonly CheckFinding[]>;
  /** Waits until what was removed is gone; gives how many things are still there when the time is up. */
  settle(options: { readonly timeoutSeconds?: number }): Promise<void>;
  stopDaemon(): Promise<void>;
}
