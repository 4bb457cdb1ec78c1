import { Failure } from "../../base/failure.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { algorithmOf, type Digest, Digester } from "../../spec/digest.ts";
import { fileChunks } from "./file-chunks.ts";

/** Can be sent to a thread. */
export interface ReadJob {
  /** Of a blob's file. */
  readonly path: string;
  readonly digest: Digest;
}

/**
 * A blob's bytes. Throws "corrupt" at the end when the disk gave something else than was stored, so use nothing of it
 * before.
 */
export async function* readVerified({ path, digest }: ReadJob): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = new Digester(algorithmOf(digest));
  try {
    for await (const chunk of fileChunks(path)) {
      digester.update(chunk);
      yield chunk;
    }
  } catch (thrown) {
    throw fileFailure(`cannot read blob ${digest}`, thrown);
  }
  if (digester.finish() !== digest) {
    throw new Failure("corrupt", `cannot read blob ${digest}: its content has changed on disk`);
  }
}
