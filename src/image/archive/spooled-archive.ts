import { Failure } from "../../base/failure.ts";
import type { Digest } from "../../spec/digest.ts";
import type { Blob } from "../blobs/blob.ts";
import type { StagedBlob } from "../blobs/staged-blob.ts";
import type { ContentStore } from "../content-store.ts";
import { readSmall } from "../streams/read-small.ts";
import { findThread } from "../threads/job-threads.ts";
import { spool } from "./spool.ts";
import type { ArchiveLimits } from "./spool-job.ts";

/** A file of an archive, hashed, in the store's ingest directory until it is committed. */
export interface SpooledFile {
  readonly blob: Blob;
  /** Where its bytes are. */
  readonly path: string;
  /** Any number of times. */
  open(): AsyncIterable<Uint8Array>;
  /** All of it; throws "invalid" when it is longer. */
  read(maxBytes: number): Promise<Uint8Array>;
  /** Makes it a blob of the store. */
  commit(): Promise<Blob>;
}

type Member =
  | { readonly kind: "file"; readonly staged: StagedBlob }
  | { readonly kind: "link"; readonly target: string };

/** A smaller one is read before a thread has started. */
const smallBytes = 1024 * 1024;

/** As spool(), in a worker thread when the size justifies one. The caller disposes of the result. */
export async function spoolArchive(
  source: AsyncIterable<Uint8Array>,
  {
    store,
    limits = {},
    signal,
  }: {
    readonly store: ContentStore;
    readonly limits?: ArchiveLimits | undefined;
    readonly signal: AbortSignal;
  },
): Promise<SpooledArchive> {
  const job = { directory: store.ingestDirectory, limits };
  const { isWhole, all } = await readSmall(source, smallBytes);
  using thread = isWhole ? undefined : findThread();
  const spooled =
    thread === undefined
      ? await spool(job, all, signal)
      : await thread.run("spool", job, { input: all, signal });
  const members = spooled.map(([name, member]): readonly [string, Member] => [
    name,
    member.kind === "link" ? member : { kind: "file", staged: store.stage(member.path, member.blob) },
  ]);
  return new SpooledArchive(new Map(members));
}

export class SpooledArchive implements AsyncDisposable {
  readonly #members: ReadonlyMap<string, Member>;
  readonly #owned = new AsyncDisposableStack();

  constructor(members: ReadonlyMap<string, Member>) {
    this.#members = members;
  }

  /** Disposes of the object that was made of its members together with them. */
  own<Made extends AsyncDisposable>(made: Made): Made {
    return this.#owned.use(made);
  }

  /** The file of that name, links followed inside the archive. */
  find(path: string): SpooledFile | undefined {
    let at = path;
    for (let links = 0; links < 10; links++) {
      const member = this.#members.get(at);
      if (member === undefined) return undefined;
      if (member.kind === "file") return stagedFile(member.staged);
      at = member.target;
    }
    return undefined;
  }

  /** Throws "corrupt" naming what is missing. */
  get(path: string): SpooledFile {
    const file = this.find(path);
    if (file === undefined) throw new Failure("corrupt", `cannot read the archive: "${path}" is not in it`);
    return file;
  }

  /** The blob of an OCI layout. Throws "corrupt" when it is missing or has another size. */
  getBlob({ digest, size }: { readonly digest: Digest; readonly size: number }): SpooledFile {
    const file = this.get(blobPath(digest));
    if (file.blob.size !== size) {
      throw new Failure(
        "corrupt",
        `cannot read the archive: blob ${digest} has ${file.blob.size} bytes instead of ${size}`,
      );
    }
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
    for (const member of this.#members.values()) {
      if (member.kind === "file") await member.staged[Symbol.asyncDispose]();
    }
  }
}

/** SPEC: OCI image 1.1, image-layout.md, "Blobs" */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** A staged blob as a file; it stays its owner's. */
export function stagedFile(staged: StagedBlob): SpooledFile {
  return {
    blob: staged.blob,
    get path() {
      return staged.path;
    },
    open: () => staged.open(),
    commit: () => staged.commit(),
    read: async (maxBytes) => {
      if (staged.blob.size > maxBytes) {
        const { digest, size } = staged.blob;
        throw new Failure(
          "invalid",
          `cannot read ${digest}: it has ${size} bytes, at most ${maxBytes} are allowed`,
        );
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of staged.open()) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}
