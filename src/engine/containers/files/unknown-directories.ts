import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ContainerPaths } from "../container-paths.ts";

/** Directories that are named as containers' are, of the data root and of the run root, and that `isKnown` does not know by their name. */
export function listUnknownDirectories(
  paths: ContainerPaths,
  isKnown: (name: string) => boolean,
): readonly { readonly name: string; readonly path: string }[] {
  return [paths.allData, paths.allRuns].flatMap((directory) =>
    (existsSync(directory) ? readdirSync(directory) : [])
      .filter((name) => !isKnown(name))
      .map((name) => ({ name, path: join(directory, name) })),
  );
}
