import { Failure, failureOf } from "../../base/failure.ts";
import type { Vertex } from "../../build/graph/graph-types.ts";
import { type BuildWorker, type Layers, type RunningSteps, Solver } from "../../build/solver/solver.ts";
import type { BuildReport } from "./build-report.ts";

export interface SolveOptions {
  readonly worker: BuildWorker;
  readonly running: RunningSteps;
  readonly report: BuildReport;
  readonly signal: AbortSignal;
  /** Ends the steps that still run when one has failed. */
  readonly cancel: (reason: unknown) => void;
}

/** Solves a vertex. What a step has failed with has details.vertex, line and endLine; no step runs when it throws. */
export async function solveVertex(
  vertex: Vertex | undefined,
  { worker, running, report, signal, cancel }: SolveOptions,
): Promise<{ readonly layers: Layers; readonly solver: Solver }> {
  let failed: Vertex | undefined;
  const solver = new Solver(worker, {
    running,
    signal,
    onEvent: (event) => {
      if (event.kind === "failed") failed ??= event.vertex;
      report.solved(event);
    },
  });
  try {
    return { layers: await solver.solve(vertex), solver };
  } catch (thrown) {
    cancel(thrown);
    // They use what is given back now.
    await solver.settle();
    throw failed === undefined ? thrown : locateStep(thrown, failed, report);
  }
}

/** Adds the step, and its place in the Dockerfile, to what it has failed with. */
function locateStep(thrown: unknown, vertex: Vertex, report: BuildReport): Failure {
  const { location, id } = vertex;
  const failure = failureOf(thrown);
  if ((location === undefined && id === undefined) || failure.kind === "canceled") return failure;
  return new Failure(failure.kind, failure.message, {
    cause: thrown,
    details: {
      ...failure.details,
      ...(location === undefined ? {} : { line: location.startLine, endLine: location.endLine }),
      vertex: report.idOf(vertex),
    },
  });
}
