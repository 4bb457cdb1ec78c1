import { statfs } from "node:fs/promises";

/** Of the file system that has the path; `availableBytes` without what is reserved for root. */
export async function readDiskSpace(
  path: string,
): Promise<{ readonly sizeBytes: number; readonly availableBytes: number }> {
  const { bsize, blocks, bavail } = await statfs(path);
  return { sizeBytes: blocks * bsize, availableBytes: bavail * bsize };
}
