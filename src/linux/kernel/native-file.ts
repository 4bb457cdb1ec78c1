import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "../../base/failure.ts";

/** From the root of the sources (`src`) or of the compiled library (`dist/lib`). */
const directories = ["../native/build", "../native", "../../native/build"];

/**
 * Path of a file that `make` compiled from C: `syscall.node`, `keeper.elf` or `hello.elf`. It is next to the sources,
 * next to the compiled library, or in the npm package for this architecture. Throws "unavailable" when it is in none of
 * them.
 */
export function findNativeFile(name: string): string {
  const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
  const built = directories.map((directory) => join(root, directory, name));
  const packageName = `tare-linux-${process.arch}`;
  const found = [...built, ...findInPackage(packageName, name)].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Failure(
    "unavailable",
    `cannot find "${name}": it is not in ${built.join(", ")}, nor in the package ${packageName}; run "npm run build" in a checkout, or install without --omit=optional`,
  );
}

function findInPackage(packageName: string, name: string): readonly string[] {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    return [join(dirname(manifest), "native", name)];
  } catch {
    return [];
  }
}
