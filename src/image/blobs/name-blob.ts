import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fault } from "../../base/fault.ts";
import type { Digest } from "../../spec/digest.ts";
import type { Blob } from "./blob.ts";

export interface DraftPaths {
  /** A new file in the same file system as the targets. */
  readonly path: string;
  readonly target: (digest: Digest) => string;
}

/**
 * Gives a whole file its name as a blob: file synced (`sync`, where that has begun), renamed, directory synced. Atomic;
 * fine when that is there already.
 */
export async function nameBlob(
  { path, target: targetOf }: DraftPaths,
  { digest, size }: Blob,
  { sync = () => syncPath(path) }: { readonly sync?: (() => Promise<void>) | undefined } = {},
): Promise<void> {
  const target = targetOf(digest);
  if (await hasSize(target, size)) {
    await rm(path, { force: true });
    return;
  }
  await sync();
  fault("blob.synced");
  await rename(path, target);
  fault("blob.named");
  await syncPath(dirname(target));
}

/** fsync(2) of a file or directory. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function hasSize(path: string, size: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.size === size;
}
