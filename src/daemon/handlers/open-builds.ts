import { Failure } from "../../base/failure.ts";
import type { Builds } from "../../model/builds.ts";
import type { Call } from "../handler.ts";

/** Throws "unsupported" where the engine has no builds. */
export async function openBuilds(engine: Call["engine"]): Promise<Builds> {
  const builds = await engine.openBuilds?.();
  if (builds === undefined) throw new Failure("unsupported", "this engine cannot build images");
  return builds;
}
