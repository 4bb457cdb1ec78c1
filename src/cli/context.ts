import type { Client } from "../client/client.ts";
import type { ClientTls } from "../client/host.ts";
import type { LeanClient } from "../client/lean-client.ts";
import type { HostFinding } from "../model/host-check.ts";

/** A stream of ours to read from; raw mode only where it is a terminal. */
export interface InputStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean | undefined;
  readonly fd?: number | undefined;
  setRawMode?(isRaw: boolean): unknown;
  unref?(): unknown;
}

/** A stream of ours to write to; sizes only where it is a terminal. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** The engine to connect to, from the flags before the command and the environment. */
export interface GlobalOptions {
  /**
   * `unix:///path`, `tcp://host:port` or `ssh://user@host`; from --host, else --run-root, TARE_HOST, DOCKER_HOST, else
   * the default socket.
   */
  readonly host: string;
  /** Whether a person chose `host`, or it is the default (or the run root's) socket. */
  readonly hostFrom: "flag" | "run-root" | "environment" | "context" | "default";
  /** `HttpHeaders` of Docker's client configuration: sent with each request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of `--context`. */
  readonly context?: string | undefined;
  /** Of a TCP port; absent: no TLS. */
  readonly tls?: ClientTls | undefined;
  readonly dataRoot?: string | undefined;
  readonly runRoot?: string | undefined;
  /** The flags of the command line for a daemon that is started. */
  readonly daemonFlags: readonly string[];
  readonly debug: boolean;
  /** False: a daemon that does not run is not started (`daemon stop`, completion). */
  readonly startsDaemon: boolean;
}

/** The result of `system repair`. */
export interface RepairSummary {
  readonly source: string;
  readonly asideAt?: string | undefined;
  readonly added: readonly string[];
  readonly lost: readonly string[];
}

/** The world the command line lives in; bin gives the process's own. */
export interface CliContext {
  /** Touched only by commands that read it: opening it costs time. */
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether a file is there and has something in it; node:fs, which takes long to load, is not needed for that. */
  readonly hasContent: (path: string) => boolean;
  /** Replaces this process by another program, which gets its standard streams and its terminal. */
  become(
    program: string,
    given: { readonly argv: readonly string[]; readonly env: NodeJS.ProcessEnv },
  ): Promise<never>;
  /** Version and commit of this build, for --version and `version`. */
  readonly build: { readonly version: string; readonly commit: string };
  /** Sends copies of descriptors of ours to a socket of the daemon's, in one packet with the text. */
  sendDescriptors(
    options: GlobalOptions,
    packet: { readonly path: string; readonly text: string; readonly fds: readonly number[] },
  ): Promise<void>;
  /** Makes new records for the data root, in this process; undefined when they are sound. */
  repair(options: GlobalOptions): Promise<RepairSummary | undefined>;
  /** Allows garbage collection after a repair; false when there was none. */
  confirmRepair(options: GlobalOptions): Promise<boolean>;
  /** Checks the host, in this process: no daemon is needed, and none is started. */
  checkHost(options: GlobalOptions): Promise<readonly HostFinding[]>;
  /** Connects to the engine's daemon, starting one where the rules allow it. */
  connect(options: GlobalOptions): Promise<LeanClient>;
  /** The same connections, for all calls. */
  widen(client: LeanClient): Promise<Client>;
}
