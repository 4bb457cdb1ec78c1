import { ContainersClient } from "./containers.ts";
import { type ClientTls, type Host, parseHost } from "./host.ts";
import type { ClientSocket, Connector } from "./http/socket.ts";
import { Transport } from "./transport.ts";

export interface ClientOptions {
  /** `unix:///run/tare/tare.sock`, `tcp://localhost:2375`, or one already parsed. */
  readonly host: string | Host;
  /** Of a TCP port that is given as text. */
  readonly tls?: ClientTls | undefined;
  /** Sent with each request; `daemonBuildId` is the answer. */
  readonly buildId?: string | undefined;
  /** Sent with each request, too: of Docker's client configuration. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Starts a daemon; called when there is none before the first reply. For unix sockets only. */
  readonly revive?: (() => Promise<void>) | undefined;
  /** How sockets are connected; default: by node:net. */
  readonly connector?: Connector | undefined;
}

/** The calls of containers alone, which are what a run needs: a third less to load than all of a Client. */
export class LeanClient implements Disposable {
  readonly containers: ContainersClient;
  /** Of the other calls. */
  readonly transport: Transport;

  /** Throws Failure("invalid") when the host can't be read. A transport that is given is shared. */
  constructor(options: ClientOptions | Transport) {
    this.transport = options instanceof Transport ? options : open(options);
    this.containers = new ContainersClient(this.transport);
  }

  get host(): Host {
    return this.transport.host;
  }

  /** Connects already, without asking anything: the first request finds the connection made. */
  async open(): Promise<void> {
    await this.transport.open();
  }

  /** A connection of its own to the daemon, for bytes that this client does not read. The caller destroys it. */
  async dial(): Promise<ClientSocket> {
    return await this.transport.dial();
  }

  /** The build that is expected to serve there, until a reply names it. */
  expectBuild(id: string): void {
    this.transport.expectBuild(id);
  }

  /** The daemon's, from its last reply, or expected; undefined before that, or when the daemon is not Tare. */
  get daemonBuildId(): string | undefined {
    return this.transport.daemonBuildId;
  }

  [Symbol.dispose](): void {
    this.transport[Symbol.dispose]();
  }
}

function open({ host, tls, ...options }: ClientOptions): Transport {
  return new Transport(typeof host === "string" ? parseHost(host, { tls }) : host, options);
}
