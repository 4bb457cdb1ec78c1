import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import addonFile from "../../native/build/syscall.node" with { type: "file" };
import helloFile from "../../native/build/hello.elf" with { type: "file" };
import keeperFile from "../../native/build/keeper.elf" with { type: "file" };
import { addon, useAddon } from "../linux/kernel/addon.ts";

/** Where the programs inside the executable are read from. */
export const programs: { readonly keeper: string; readonly hello: string } = {
  keeper: keeperFile,
  hello: helloFile,
};

/**
 * Puts the addon where the dynamic loader can map it, under its hash: the 0700 run root, or the data root where /run is
 * mounted noexec, as Debian does. (Left to itself the executable would extract it to $TMPDIR, which others can write
 * to.)
 */
export function installAddon({
  runRoot,
  dataRoot,
}: {
  readonly runRoot: string;
  readonly dataRoot: string;
}): void {
  try {
    loadAddonFrom(join(runRoot, "lib"));
  } catch (thrown) {
    try {
      loadAddonFrom(join(dataRoot, "lib"));
    } catch {
      throw thrown;
    }
  }
}

/** Puts it into the directory, which becomes 0700, and loads it. */
export function loadAddonFrom(directory: string): void {
  const bytes = readFileSync(addonFile);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const path = join(directory, `syscall-${hash}.node`);
  if (!holds(path, bytes)) {
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, bytes, { mode: 0o700 });
    renameSync(draft, path);
  }
  useAddon(path);
  addon();
}

function holds(path: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}
