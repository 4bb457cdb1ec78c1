import { open } from "node:fs/promises";

const chunkBytes = 1024 * 1024;

/**
 * A file's bytes in pieces of at most 1 MiB, the next being read while one is worked on. Closed at the end or on break.
 */
export async function* fileChunks(path: string, from = 0): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, "r");
  let position = from;
  const readOne = async (): Promise<Uint8Array> => {
    const buffer = Buffer.allocUnsafeSlow(chunkBytes);
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
    position += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  let next = readOne();
  try {
    for (;;) {
      const chunk = await next;
      if (chunk.length === 0) return;
      next = readOne();
      yield chunk;
    }
  } finally {
    await next.catch(() => undefined); // never close under a read
    await file.close();
  }
}
