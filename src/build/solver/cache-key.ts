import { createHash } from "node:crypto";
import type { LoadedLayer } from "../../image/loaded-image.ts";
import type { RunOperation } from "../graph/graph-types.ts";

/** Changes with the meaning of keys: results of other versions are not found. */
const version = 1;

/** A digest of a file system: of the list of its layers. */
export function chainKey(layers: readonly LoadedLayer[]): string {
  return layers.length === 0 ? "scratch" : digest(["chain", ...layers.map(({ diffId }) => diffId)]);
}

/** What a RUN depends on: the program, its variables and mounts, and the file systems below and in the mounts. */
export function runKey(
  operation: RunOperation,
  { base, mounts }: { readonly base: string; readonly mounts: readonly string[] },
): string {
  const { words, env, workingDirectory, user, network, security, scripts } = operation;
  const forms = operation.mounts.map((mount, index) => {
    if (mount.type === "secret") return { ...mount, required: undefined };
    return "from" in mount ? { ...mount, from: mounts[index] } : mount;
  });
  return digest([
    "run",
    { base, words, env, workingDirectory, user, network, security, scripts: [...scripts], mounts: forms },
  ]);
}

/** What a COPY or ADD depends on; `base` is undefined with --link. */
export function copyKey(about: {
  readonly base: string | undefined;
  readonly sources: string;
  readonly target: string;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly mode: string | undefined;
  readonly parents: boolean;
}): string {
  return digest(["copy", about]);
}

/** What a WORKDIR depends on. */
export function directoryKey(about: {
  readonly base: string;
  readonly path: string;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}): string {
  return digest(["directory", about]);
}

function digest(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify([version, value]))
    .digest("hex");
}
