import { type CgroupLayout, findController } from "../layout.ts";
import type { Fd } from "../../kernel/fd.ts";
import { isGone, readFileAt, writeValues } from "./files.ts";
import type { CgroupParentDirectory } from "./parent-directory.ts";

/**
 * The v1 freezer where it is mounted, else that of v2, which is part of its core. On a hybrid host v1 comes
 * first: only there do all processes that other tools see as frozen stay together.
 */
function freezerOf(layout: CgroupLayout): "v1" | "v2" | undefined {
  if (findController(layout, "freezer") !== undefined) return "v1";
  return layout.v2 === undefined ? undefined : "v2";
}

/** Requests it and returns whether all processes have stopped by now. */
export function requestFreeze(parent: CgroupParentDirectory, name: string): boolean {
  const found = directoryOf(parent);
  if (found === undefined) return false;
  // KERNEL: a v1 freezer in FREEZING goes on only when asked again.
  if (found.version === "v1") writeValues(found.directory, `${name}/freezer.state`, ["FROZEN"]);
  else writeValues(found.directory, `${name}/cgroup.freeze`, ["1"]);
  return isFrozenIn(parent, name);
}

/** Lets all go on, at once; nothing to do when it is gone or was not frozen. */
export function thawNow(parent: CgroupParentDirectory, name: string): void {
  const found = directoryOf(parent);
  if (found === undefined) return;
  try {
    if (found.version === "v1") writeValues(found.directory, `${name}/freezer.state`, ["THAWED"]);
    else writeValues(found.directory, `${name}/cgroup.freeze`, ["0"]);
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown;
  }
}

export function isFrozenIn(parent: CgroupParentDirectory, name: string): boolean {
  const found = directoryOf(parent);
  if (found === undefined) return false;
  return found.version === "v1"
    ? readFileAt(found.directory, `${name}/freezer.state`)?.trim() === "FROZEN"
    : /^frozen 1$/m.test(readFileAt(found.directory, `${name}/cgroup.events`) ?? "");
}

function directoryOf(parent: CgroupParentDirectory): { version: "v1" | "v2"; directory: Fd } | undefined {
  const version = freezerOf(parent.layout);
  const hierarchy = version === "v1" ? findController(parent.layout, "freezer") : parent.layout.v2;
  if (version === undefined || hierarchy === undefined) return undefined;
  return { version, directory: parent.directoryIn(hierarchy) };
}
