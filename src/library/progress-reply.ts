import type { ProgressMessage } from "../api/types/progress.ts";
import { Failure } from "../base/failure.ts";
import type { LayerPhase, Progress } from "../base/progress.ts";

/** The words of the daemon's own lines, back to what they were made of. */
const phases: readonly (readonly [RegExp, LayerPhase])[] = [
  [/^(Waiting|Pulling fs layer)/, "waiting"],
  [/^Downloading/, "downloading"],
  [/^Retrying/, "retrying"],
  [/^Verifying/, "verifying"],
  [/^Download complete/, "downloaded"],
  [/^(Extracting|Loading layer)/, "unpacking"],
  [/^(Pull complete|Loaded layer)/, "done"],
  [/^(Layer a|A)lready exists/, "exists"],
  [/^Compressing/, "compressing"],
  [/^Pushing/, "uploading"],
  [/^Pushed/, "uploaded"],
];

/** One line of the daemon, as the engine reported it. Throws the failure that a line contains. */
export function progressOf(message: ProgressMessage): Progress {
  refuseError(message);
  const { id, status, stream = "", progressDetail } = message;
  const phase = phases.find(([pattern]) => pattern.test(status ?? ""))?.[1];
  if (id !== undefined && phase !== undefined) {
    const { current, total } = progressDetail ?? {};
    return {
      kind: "layer",
      id,
      phase,
      currentBytes: current,
      totalBytes: total,
    };
  }
  const loaded = /^Loaded image(?: ID)?: (\S+)\s*$/.exec(stream);
  const name = loaded?.[1];
  if (name === undefined) {
    return { kind: "status", text: (status ?? stream).trimEnd(), id };
  }
  return stream.startsWith("Loaded image ID")
    ? { kind: "image", id: name }
    : { kind: "image", id: "", reference: name };
}

export function refuseError({ error }: ProgressMessage): void {
  if (error !== undefined) throw new Failure("invalid", error, { details: { fromDaemon: true } });
}
