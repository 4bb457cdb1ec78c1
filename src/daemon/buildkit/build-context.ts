import type { Failure } from "../../base/failure.ts";
import type { GrpcServer, ServerCall } from "../../grpc/server.ts";
import type { Builds } from "../../model/builds.ts";
import type { BuildHistory } from "./build-history.ts";
import type { BuildJob, Returned } from "./build-job.ts";
import type { BuildJobs } from "./build-jobs.ts";
import type { ClientSession, ClientSessions } from "./client-session.ts";
import type { Messages } from "./messages.ts";

/** By the names that a front end has for them. */
export type Definitions = Readonly<Record<string, Messages["pb.Definition"]>>;

/** What all of BuildKit's services share. */
export interface BuildKitContext {
  readonly builds: Builds;
  readonly jobs: BuildJobs;
  readonly sessions: ClientSessions;
  readonly history: BuildHistory;
  readonly version: string;
  /** Receives failures of the daemon's own, to be logged. */
  readonly report: (failure: Failure) => void;
  /** Serves a front end that calls on a connection of its own; see serveBridge(). */
  readonly serveBridge: (server: GrpcServer, callerOf: (call: ServerCall) => Promise<BridgeCaller>) => void;
}

/** The front end that calls. */
export interface BridgeCaller {
  /** The build that it is for. */
  readonly job: BuildJob;
  /** Definitions that it has been given. */
  readonly inputs: Definitions;
  readonly onReturn: (returned: Returned) => void;
}

/** The session of a build's client; when that goes away, the build ends. */
export async function sessionOf(job: BuildJob, { sessions }: BuildKitContext): Promise<ClientSession> {
  const session = await sessions.get(job.sessionId, job.signal);
  job.endWith(session.signal);
  return session;
}
