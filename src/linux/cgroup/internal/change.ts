import { describeRefusal } from "./describe-refusal.ts";
import { Failure } from "../../../base/failure.ts";
import type { CgroupChange } from "../change.ts";
import type { Fd } from "../../kernel/fd.ts";
import { ControlFileFailure, readFileAt, writeValues } from "./files.ts";
import type { CgroupParentDirectory } from "./parent-directory.ts";
import type { CgroupWrite } from "./write.ts";

interface Done {
  readonly directory: Fd;
  readonly path: string;
  readonly before: string;
}

/** Writes all of it or nothing: what was written before the kernel refused is taken back. Returns the way back. */
export function changeIn(parent: CgroupParentDirectory, name: string, change: CgroupChange): () => void {
  const done: Done[] = [];
  const undo = (): void => {
    for (const { directory, path, before } of done.toReversed()) writeValues(directory, path, [before]);
  };
  try {
    for (const { hierarchy, writes } of change.hierarchies) {
      const directory = parent.directoryIn(hierarchy);
      parent.raiseLimits(hierarchy, name, writes);
      for (const write of writes) {
        const path = `${name}/${write.file}`;
        const before = valueBefore(readFileAt(directory, path) ?? "", write);
        writeValues(directory, path, [write.value]);
        if (before !== undefined) done.push({ directory, path, before });
      }
    }
    return undo;
  } catch (thrown) {
    undo();
    if (!(thrown instanceof ControlFileFailure)) throw thrown;
    throw new Failure(
      "invalid",
      `cannot change the limits of cgroup "${parent.path}/${name}": the kernel refuses ${describeRefusal(thrown)}`,
      { cause: thrown },
    );
  }
}

/** The value that restores a file's present state; for a file with several lines, the changed line. */
function valueBefore(text: string, { key, undo }: CgroupWrite): string | undefined {
  // An empty list (cpuset of v2: as above) is set by a line end: an empty write is none.
  if (key === undefined) return text.trim() || "\n";
  return text.split("\n").find((line) => line.startsWith(`${key} `)) ?? undo;
}
