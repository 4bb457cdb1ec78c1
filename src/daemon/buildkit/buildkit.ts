import type { Duplex } from "node:stream";
import type { Failure } from "../../base/failure.ts";
import { GrpcServer } from "../../grpc/server.ts";
import type { Builds } from "../../model/builds.ts";
import type { BuildKitContext } from "./build-context.ts";
import { clientCaller, serveBridge } from "./bridge.ts";
import { BuildHistory } from "./build-history.ts";
import { BuildJobs } from "./build-jobs.ts";
import { ClientSessions } from "./client-session.ts";
import { serveControl } from "./control.ts";

/** BuildKit's services on connections that clients have opened otherwise. */
export class BuildKit {
  readonly #server: GrpcServer = new GrpcServer();
  readonly #sessions: ClientSessions = new ClientSessions();

  constructor(
    builds: Builds,
    { version, report }: { readonly version: string; readonly report: (failure: Failure) => void },
  ) {
    const context: BuildKitContext = {
      builds,
      jobs: new BuildJobs(),
      sessions: this.#sessions,
      history: new BuildHistory(),
      version,
      report,
      serveBridge: (server, callerOf) => serveBridge(server, context, callerOf),
    };
    serveControl(this.#server, context);
    serveBridge(this.#server, context, (call) => clientCaller(call, context));
  }

  /** The client calls. */
  accept(connection: Duplex): void {
    this.#server.accept(connection);
  }

  /** Refuses a session before its connection is taken over: "unavailable", "invalid". */
  admitSession(headers: (name: string) => readonly string[]): void {
    this.#sessions.admit(headers);
  }

  /** The client serves; the headers are those of its request. */
  acceptSession(connection: Duplex, headers: (name: string) => readonly string[]): void {
    this.#sessions.add(connection, headers);
  }

  close(): void {
    this.#sessions.close();
    this.#server.close();
  }
}
