import { posix } from "node:path";
import { Failure } from "../../base/failure.ts";
import { type Digest, findDigest } from "../../spec/digest.ts";
import { cleanMemberPath } from "../../spec/image-archive.ts";
import { TarReader } from "../../spec/tar.ts";
import type { TarEntry } from "../../spec/tar-entry.ts";
import type { Blob, BlobDraft } from "../blobs/blob-draft.ts";
import { decompress } from "../streams/compression.ts";
import type { ContentStore } from "../content-store.ts";

export interface ArchiveLimits {
  readonly members?: number;
  /** Of all members together, decompressed. */
  readonly bytes?: number;
}

/** A file of an archive, hashed, in the store's ingest directory until it is committed. */
export interface SpooledFile {
  readonly blob: Blob;
  /** Any number of times. */
  open(): AsyncIterable<Uint8Array>;
  /** All of it; throws "invalid" when it is longer. */
  read(maxBytes: number): Promise<Uint8Array>;
  /** Makes it a blob of the store. */
  commit(): Promise<Blob>;
}

type Member =
  | { readonly kind: "file"; readonly draft: BlobDraft }
  | { readonly kind: "link"; readonly target: string };

/**
 * Reads an archive of images once, from beginning to end, whatever the order of its members and whichever compression
 * is around it; nothing of it becomes a path on disk. The caller disposes of the result.
 * A member called `blobs/<algorithm>/<hex>` must have that digest.
 */
export async function spoolArchive(
  source: AsyncIterable<Uint8Array>,
  options: { readonly store: ContentStore; readonly limits?: ArchiveLimits },
): Promise<SpooledArchive> {
  await using undo = new AsyncDisposableStack();
  const members = new Map<string, Member>();
  undo.defer(() => discard(members));
  const spool = new Spool(members, options);
  for await (const chunk of decompress(source)) {
    await spool.push(chunk);
  }
  spool.end();
  undo.move();
  return new SpooledArchive(members);
}

export class SpooledArchive implements AsyncDisposable {
  readonly #members: ReadonlyMap<string, Member>;

  constructor(members: ReadonlyMap<string, Member>) {
    this.#members = members;
  }

  /** The file of that name, links followed inside the archive. */
  find(path: string): SpooledFile | undefined {
    let at = path;
    for (let links = 0; links < 10; links++) {
      const member = this.#members.get(at);
      if (member === undefined) return undefined;
      if (member.kind === "file") return draftFile(member.draft);
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
    await discard(this.#members);
  }
}

/** SPEC: OCI image 1.1, image-layout.md, "Blobs" */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** Takes chunks of tar, makes drafts. */
class Spool {
  readonly #members: Map<string, Member>;
  readonly #store: ContentStore;
  readonly #limits: Required<ArchiveLimits>;
  readonly #reader: TarReader = new TarReader({ nameBytes: 4096 });
  #count = 0;
  #bytes = 0;
  #current: { readonly path: string; readonly draft: BlobDraft } | undefined;

  constructor(
    members: Map<string, Member>,
    { store, limits = {} }: { readonly store: ContentStore; readonly limits?: ArchiveLimits },
  ) {
    this.#members = members;
    this.#store = store;
    this.#limits = { members: limits.members ?? 100_000, bytes: limits.bytes ?? 2 ** 39 };
  }

  async push(chunk: Uint8Array): Promise<void> {
    for (const event of this.#reader.push(chunk)) {
      if (event.kind === "entry") await this.#begin(event.entry);
      else if (event.kind === "data") await this.#current?.draft.write(event.bytes);
      else await this.#finish();
    }
  }

  end(): void {
    this.#reader.end();
    if (this.#count === 0) throw new Failure("invalid", "cannot read the archive: it is empty");
  }

  async #begin(entry: TarEntry): Promise<void> {
    if (entry.sparse !== undefined) {
      throw new Failure("invalid", `cannot read the archive: its member "${entry.path}" is sparse`);
    }
    this.#count += 1;
    this.#bytes += entry.size;
    if (this.#count > this.#limits.members) {
      throw new Failure(
        "invalid",
        `cannot read the archive: it has more than ${this.#limits.members} members`,
      );
    }
    if (this.#bytes > this.#limits.bytes) {
      throw new Failure("invalid", `cannot read the archive: it holds more than ${this.#limits.bytes} bytes`);
    }
    if (entry.type === "symlink" || entry.type === "hardlink") return this.#addLink(entry);
    if (entry.type !== "file") return; // a directory says nothing, a device is nobody's business here
    const path = cleanMemberPath(entry.path);
    const digest = findDigest(/^blobs\/([a-z0-9]+\/[0-9a-f]+)$/.exec(path)?.[1]?.replace("/", ":") ?? "");
    const expected = { size: entry.size, ...(digest === undefined ? {} : { digest }) };
    this.#current = { path, draft: await this.#store.draft({ expected }) };
    await this.#place(path, { kind: "file", draft: this.#current.draft });
  }

  #addLink(entry: TarEntry): Promise<void> {
    const path = cleanMemberPath(entry.path);
    // Old versions of docker save link a layer to the same one elsewhere: `../<id>/layer.tar`.
    const from = entry.type === "symlink" ? posix.dirname(path) : ".";
    return this.#place(path, { kind: "link", target: posix.join(from, entry.linkName) });
  }

  async #place(path: string, member: Member): Promise<void> {
    const before = this.#members.get(path);
    this.#members.set(path, member);
    if (before?.kind === "file") await before.draft[Symbol.asyncDispose](); // as tar: the last one counts
  }

  async #finish(): Promise<void> {
    await this.#current?.draft.finish();
    this.#current = undefined;
  }
}

/** A finished draft as a file; the draft stays its owner's. */
export function draftFile(draft: BlobDraft): SpooledFile {
  return {
    blob: draft.blob,
    open: () => draft.open(),
    commit: () => draft.commit(),
    read: async (maxBytes) => {
      if (draft.blob.size > maxBytes) {
        const { digest, size } = draft.blob;
        throw new Failure(
          "invalid",
          `cannot read ${digest}: it has ${size} bytes, at most ${maxBytes} are allowed`,
        );
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of draft.open()) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}

async function discard(members: ReadonlyMap<string, Member>): Promise<void> {
  for (const member of members.values()) {
    if (member.kind === "file") await member.draft[Symbol.asyncDispose]();
  }
}
