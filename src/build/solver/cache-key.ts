import { createHash } from "node:crypto";
import type { LoadedLayer } from "../../image/loaded-image.ts";
import type { CopyRules, LinkOperation, RemoveOperation, RunOperation } from "../graph/graph-types.ts";

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
  const { isReadOnly, settings, validExitCodes, devices } = operation;
  const forms = operation.mounts.map((mount, index) => {
    if (mount.type === "secret" || mount.type === "ssh") return { ...mount, required: undefined };
    return "from" in mount ? { ...mount, from: mounts[index] } : mount;
  });
  return digest([
    "run",
    {
      base,
      words,
      env,
      workingDirectory,
      user,
      network,
      security,
      scripts: [...scripts],
      mounts: forms,
      isReadOnly,
      settings,
      validExitCodes,
      devices,
    },
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
  readonly rules?: CopyRules | undefined;
}): string {
  const { rules, ...more } = about;
  return digest(["copy", rules === undefined ? more : { ...more, rules: { ...rules, ...timeOf(rules) } }]);
}

/** What a WORKDIR depends on. */
export function directoryKey(about: {
  readonly base: string;
  readonly path: string;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly mode?: number | undefined;
  readonly needsParent?: boolean | undefined;
  readonly timeNs?: bigint | undefined;
}): string {
  return digest(["directory", { ...about, ...timeOf(about) }]);
}

/** What a removal or a link depends on. */
export function changeKey(
  operation: RemoveOperation | LinkOperation,
  about: {
    readonly base: string;
    readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  },
): string {
  const { kind, path } = operation;
  const own =
    operation.kind === "link"
      ? { target: operation.target, ...timeOf(operation) }
      : { isPattern: operation.isPattern, isRequired: operation.isRequired };
  return digest([kind, { path, ...own, ...about }]);
}

export function diffKey(lower: string, upper: string): string {
  return digest(["diff", lower, upper]);
}

/** Of what a RUN with that key makes of one of its mounts. */
export function outputKey(run: string, mount: number): string {
  return digest(["output", run, mount]);
}

/** A time in the form that JSON has. */
function timeOf({ timeNs }: { readonly timeNs?: bigint | undefined }): {
  readonly timeNs: string | undefined;
} {
  return { timeNs: timeNs?.toString() };
}

function digest(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify([version, value]))
    .digest("hex");
}
