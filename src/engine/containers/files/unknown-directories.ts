import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Places } from "../places.ts";

/** Directories that are named as containers' are, of the data root and of the run root, and that `isKnown` does not know by their name. */
export function listUnknownDirectories(
  places: Places,
  isKnown: (name: string) => boolean,
): readonly { readonly name: string; readonly path: string }[] {
  return [places.allData, places.allRuns].flatMap((directory) =>
    (existsSync(directory) ? readdirSync(directory) : [])
      .filter((name) => !isKnown(name))
      .map((name) => ({ name, path: join(directory, name) })),
  );
}
