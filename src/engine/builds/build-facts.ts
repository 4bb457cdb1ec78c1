import type { BuildFacts, Material } from "../../build/exporters/provenance.ts";
import { inputsOf, type RunOperation, type Vertex } from "../../build/graph/graph-types.ts";
import type { BuildRequest } from "../../model/builds.ts";
import { hostPlatform } from "../../spec/platform.ts";

export interface FactSources {
  readonly vertex: Vertex | undefined;
  readonly platform: string;
  /** The text of the Dockerfile. */
  readonly dockerfile: string;
  readonly materials: readonly Material[];
  readonly startedAtMs: number;
  readonly invocationId: string;
}

/** What provenance says of a build that ends now. Values of secrets are not among it. */
export function factsOf(request: BuildRequest, { vertex, materials, ...sources }: FactSources): BuildFacts {
  const runs = runsBelow(vertex);
  const { buildArgs, labels, target, contexts } = request;
  return {
    ...sources,
    buildPlatform: hostPlatform(),
    materials: [...new Map(materials.map((each) => [JSON.stringify(each), each])).values()],
    entryPoint: request.dockerfile.name,
    args: {
      ...prefixed("build-arg:", buildArgs),
      ...prefixed("label:", labels),
      ...(target === undefined || target === "" ? {} : { target }),
    },
    secrets: [...new Set(runs.flatMap(({ mounts }) => mounts.flatMap((mount) => secretOf(mount))))],
    locals: [...contexts].flatMap(([name, { kind }]) => (kind === "directory" ? [name || "context"] : [])),
    isHermetic: runs.every(({ network }) => network === "none"),
    finishedAtMs: Date.now(),
  };
}

function secretOf(mount: RunOperation["mounts"][number]): readonly string[] {
  return mount.type === "secret" ? [mount.id] : [];
}

function prefixed(
  prefix: string,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}${key}`, value]));
}

function runsBelow(vertex: Vertex | undefined): readonly RunOperation[] {
  const seen = new Set<Vertex>();
  const pending = vertex === undefined ? [] : [vertex];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    pending.push(...inputsOf(next));
  }
  return [...seen].flatMap(({ operation }) => (operation.kind === "run" ? [operation] : []));
}
