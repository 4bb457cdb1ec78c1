import { Failure } from "../../base/failure.ts";
import { GrpcServer } from "../../grpc/server.ts";
import type { BuildResult } from "../../model/builds.ts";
import { type BuildKitContext, type Definitions, sessionOf } from "./build-context.ts";
import { buildErrorOf } from "./build-error.ts";
import type { BuildJob, Returned } from "./build-job.ts";
import type { FrontEndOutcome } from "./front-end.ts";
import { findCredentials } from "./session-services.ts";
import { workerRecord } from "./workers.ts";

/** Until its first call: what is no front end would keep its build until the client gives up. */
const firstCallWithinMs = 60_000;
/** Of standard error, for the message of one that fails. */
const mostLogCharacters = 2000;

export interface ImageFrontEnd {
  /** Names and values as the client has given them. */
  readonly options: Readonly<Record<string, string>>;
  /** Definitions by the names that it asks for. */
  readonly inputs: Definitions;
  readonly job: BuildJob;
  readonly context: BuildKitContext;
}

/**
 * Runs the program of an image as the front end of a build: it calls the bridge on its standard streams, until it
 * returns a result. It ends with that, and with the build. SPEC: moby/buildkit, frontend/gateway. Throws what it
 * returns as an error, and "invalid" for one that ends without a result.
 */
export async function runImageFrontEnd(
  image: string,
  { options, inputs, job, context }: ImageFrontEnd,
): Promise<FrontEndOutcome> {
  job.countSolve();
  const session = await sessionOf(job, context);
  const server = new GrpcServer();
  const step = job.progress.step(`[internal] run front end ${image}`);
  try {
    const returned = await step.run(async (running) => {
      let log = "";
      await using program = await context.builds.startFrontEnd(image, {
        pull: options["image-resolve-mode"] === "pull",
        env: environmentOf(options, { job, context }),
        onLog: (text) => {
          log = `${log}${text}`.slice(-mostLogCharacters);
          running.log(text);
        },
        signal: job.signal,
        onProgress: job.progress.add,
        findCredentials: async (registry, signal) => findCredentials(session, registry, signal),
      });
      const { promise, resolve } = Promise.withResolvers<Returned>();
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(new Failure("deadline", `front end ${image} has called nothing within 60 seconds`)),
        firstCallWithinMs,
      );
      using _ = { [Symbol.dispose]: () => clearTimeout(timer) };
      context.serveBridge(server, async () => {
        clearTimeout(timer);
        return { job, inputs, onReturn: resolve };
      });
      server.accept(program.stream);
      const ended = program.ended.then(async (code): Promise<Returned> => {
        // What it has called last is on its way.
        const last = await Promise.race([promise, new Promise<undefined>((go) => setTimeout(go, 100))]);
        if (last !== undefined) return last;
        const said = log.trim() === "" ? "" : `: ${log.trim()}`;
        throw new Failure(
          "invalid",
          `front end ${image} has ended without a result: exit code ${code}${said}`,
        );
      });
      return await job.whileItGoesOn(Promise.race([promise, ended, late.promise]));
    });
    if (returned.kind === "error") throw returned.error;
    return outcomeOf(returned);
  } catch (thrown) {
    job.signal.throwIfAborted();
    throw buildErrorOf(thrown, undefined);
  } finally {
    server.close();
  }
}

function outcomeOf({
  result,
  isMultiPlatform,
  metadata,
}: Extract<Returned, { kind: "result" }>): FrontEndOutcome {
  const report = metadata["result.json"];
  const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
  if (result === undefined && report !== undefined)
    return { kind: "report", report: { json: text(report), text: text(metadata["result.txt"]) } };
  const none: BuildResult = { images: [], [Symbol.asyncDispose]: async () => undefined };
  return { kind: "result", result: result ?? none, isMultiPlatform };
}

/** SPEC: moby/buildkit, frontend/gateway/gateway.go. */
function environmentOf(
  options: ImageFrontEnd["options"],
  { job, context }: Pick<ImageFrontEnd, "job" | "context">,
): readonly string[] {
  const { ID, Labels, platforms = [] } = workerRecord(context.version);
  const workers = [
    {
      ID,
      Labels,
      Platforms: platforms.map(({ OS: os, Architecture: architecture, Variant: variant }) => ({
        architecture,
        os,
        ...(variant === "" ? {} : { variant }),
      })),
    },
  ];
  return [
    ...Object.entries(options)
      .filter(([, value]) => !value.includes("\0"))
      .map(([name, value], at) => `BUILDKIT_FRONTEND_OPT_${at}=${name}=${value}`),
    `BUILDKIT_SESSION_ID=${job.sessionId}`,
    `BUILDKIT_WORKERS=${JSON.stringify(workers)}`,
    "BUILDKIT_EXPORTEDPRODUCT=",
  ];
}
