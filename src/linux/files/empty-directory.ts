import { readdirSync, rmSync } from "node:fs";

/** Removes everything in the directory. Only for directories that no other process writes to, with little in them. */
export function emptyDirectory(path: string): void {
  for (const name of readdirSync(path)) rmSync(`${path}/${name}`, { recursive: true, force: true });
}
