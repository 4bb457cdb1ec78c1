import { Failure } from "../../base/failure.ts";
import type { CgroupChange } from "../cgroup-change.ts";
import type { Fd } from "../fd.ts";
import { ControlFileFailure, readFileAt, writeValues } from "./files.ts";
import type { CgroupPlace } from "./place.ts";

interface Done {
  readonly directory: Fd;
  readonly path: string;
  readonly before: string;
}

/** Writes all of it or nothing: what was written before the kernel refused is taken back. Gives the way back. */
export function changeIn(parent: CgroupPlace, name: string, change: CgroupChange): () => void {
  const done: Done[] = [];
  const undo = (): void => {
    for (const { directory, path, before } of done.toReversed()) writeValues(directory, path, [before]);
  };
  try {
    for (const { hierarchy, writes } of change.hierarchies) {
      const directory = parent.directoryIn(hierarchy);
      for (const { file, value } of writes) {
        const path = `${name}/${file}`;
        // An empty list (cpuset of v2: as above) is set by a line end: an empty write is none.
        const before = (readFileAt(directory, path) ?? "").trim() || "\n";
        writeValues(directory, path, [value]);
        done.push({ directory, path, before });
      }
    }
    return undo;
  } catch (thrown) {
    undo();
    if (!(thrown instanceof ControlFileFailure)) throw thrown;
    throw new Failure(
      "invalid",
      `cannot change the limits of cgroup "${parent.path}/${name}": the kernel refuses ${thrown.message}`,
      { cause: thrown },
    );
  }
}
