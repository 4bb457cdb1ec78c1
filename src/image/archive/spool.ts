import type { Complete } from "../../base/defined.ts";
import { randomBytes } from "node:crypto";
import { join, posix } from "node:path";
import { Failure } from "../../base/failure.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { algorithmOf, type Digest, findDigest } from "../../spec/digest.ts";
import { cleanMemberPath } from "../../spec/image/archive.ts";
import { TarReader } from "../../spec/tar.ts";
import type { TarEntry } from "../../spec/tar-entry.ts";
import { BlobDraft } from "../blobs/blob-draft.ts";
import { decompress } from "../streams/compression.ts";
import type { SpooledMembers, SpoolJob } from "./spool-job.ts";

/**
 * Reads an archive of images once, from beginning to end, whatever the order of its members and whichever compression
 * is around it, and writes each member to a file of the job's directory, hashed; no name in it becomes a path on disk.
 * The files belong to the caller; when it throws there are none. A member called `blobs/<algorithm>/<hex>` must have
 * that digest.
 */
export async function spool(
  job: SpoolJob,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<SpooledMembers> {
  const spooling = new Spooling(job);
  try {
    for await (const chunk of decompress(source)) {
      signal.throwIfAborted();
      await spooling.push(chunk);
    }
    return spooling.end();
  } catch (thrown) {
    await spooling.discard();
    throw thrown;
  }
}

type Member =
  | { readonly kind: "file"; readonly path: string; readonly draft: BlobDraft }
  | { readonly kind: "link"; readonly target: string };

/** Takes chunks of tar, makes files. */
class Spooling {
  readonly #members = new Map<string, Member>();
  readonly #directory: string;
  readonly #limits: Complete<NonNullable<SpoolJob["limits"]>>;
  readonly #reader: TarReader = new TarReader({ nameBytes: 4096 });
  #count = 0;
  #bytes = 0;
  #current: BlobDraft | undefined;

  constructor({ directory, limits = {} }: SpoolJob) {
    this.#directory = directory;
    this.#limits = { members: limits.members ?? 100_000, bytes: limits.bytes ?? 2 ** 39 };
  }

  async push(chunk: Uint8Array): Promise<void> {
    for (const event of this.#reader.push(chunk)) {
      if (event.kind === "entry") await this.#begin(event.entry);
      else if (event.kind === "data") await this.#current?.write(event.bytes);
      else await this.#finish();
    }
  }

  end(): SpooledMembers {
    this.#reader.end();
    if (this.#count === 0) throw new Failure("invalid", "cannot read the archive: it is empty");
    return [...this.#members].map(([name, member]) => [
      name,
      member.kind === "link" ? member : { kind: "file", path: member.path, blob: member.draft.staged.blob },
    ]);
  }

  async discard(): Promise<void> {
    for (const member of this.#members.values()) {
      if (member.kind === "file") await member.draft[Symbol.asyncDispose]();
    }
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
    if (entry.type === "symlink" || entry.type === "hardlink") return await this.#addLink(entry);
    if (entry.type !== "file") return; // Directories carry no content, and devices are ignored.
    const name = cleanMemberPath(entry.path);
    const digest = findDigest(/^blobs\/([a-z0-9]+\/[0-9a-f]+)$/.exec(name)?.[1]?.replace("/", ":") ?? "");
    const expected = { size: entry.size, digest };
    const path = join(this.#directory, randomBytes(16).toString("hex"));
    this.#current = await createDraft(path, expected);
    await this.#storeMember(name, { kind: "file", path, draft: this.#current });
  }

  async #addLink(entry: TarEntry): Promise<void> {
    const path = cleanMemberPath(entry.path);
    // Old versions of docker save link a layer to the same one elsewhere: `../<id>/layer.tar`.
    const from = entry.type === "symlink" ? posix.dirname(path) : ".";
    await this.#storeMember(path, { kind: "link", target: posix.join(from, entry.linkName) });
  }

  async #storeMember(name: string, member: Member): Promise<void> {
    const before = this.#members.get(name);
    this.#members.set(name, member);
    if (before?.kind === "file") await before.draft[Symbol.asyncDispose](); // as tar: the last one counts
  }

  async #finish(): Promise<void> {
    await this.#current?.finish();
    this.#current = undefined;
  }
}

async function createDraft(
  path: string,
  expected: { readonly size: number; readonly digest?: Digest | undefined },
): Promise<BlobDraft> {
  try {
    const algorithm = expected.digest === undefined ? {} : { algorithm: algorithmOf(expected.digest) };
    return await BlobDraft.create({ path, target: unnamed }, { expected, ...algorithm });
  } catch (thrown) {
    throw fileFailure("cannot store a blob", thrown);
  }
}

function unnamed(): never {
  throw new Error("a member of an archive has no name in the store yet");
}
