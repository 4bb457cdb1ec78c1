import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ContainerPaths } from "../container-paths.ts";

/**
 * Directories of the data root and of the run root that have a container's name and that `isKnown` does not recognize.
 */
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
