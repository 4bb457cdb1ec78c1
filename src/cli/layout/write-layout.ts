import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { TarReader } from "../../spec/tar.ts";
import type { TarEntry } from "../../spec/tar-entry.ts";
import { mergeIndexes } from "./merge-indexes.ts";

const maxDocumentBytes = 4 * 1024 * 1024;
const blobPattern = /^blobs\/[a-z0-9]+\/[0-9a-f]+$/;

/**
 * Writes an archive of images into an OCI layout in a directory, which is made when it is not there. One that is a
 * layout already gets them added, each in place of one of the same name; what is there stays readable at every moment.
 * Throws "conflict" for a directory with something else in it. SPEC: OCI image 1.1, image-layout.md
 */
export async function writeLayout(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await refuseOther(path);
  await using writing = new LayoutWriting(path);
  const reader = new TarReader();
  for await (const chunk of chunks) {
    for (const event of reader.push(chunk)) {
      if (event.kind === "entry") await writing.begin(event.entry);
      else if (event.kind === "data") await writing.write(event.bytes);
      else await writing.finish();
    }
  }
  reader.end();
  await writing.writeIndex();
}

async function refuseOther(path: string): Promise<void> {
  const names = await readdir(path).catch((thrown: NodeJS.ErrnoException): readonly string[] => {
    if (thrown.code === "ENOENT") return [];
    throw new Failure("invalid", `cannot save to ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  });
  if (names.length > 0 && !names.includes("oci-layout")) {
    throw new Failure("conflict", `cannot save to ${path}: there is something else than an OCI layout in it`);
  }
}

class LayoutWriting implements AsyncDisposable {
  readonly #root: string;
  readonly #documents = new Map<string, Uint8Array[]>();
  #document: Uint8Array[] | undefined;
  #blob: { readonly file: FileHandle; readonly draft: string; readonly target: string } | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  async begin({ path, type, size }: TarEntry): Promise<void> {
    if (type !== "file") return;
    if (blobPattern.test(path)) return await this.#beginBlob(path, size);
    // manifest.json is for Docker's archives alone.
    if (path !== "index.json" && path !== "oci-layout") return;
    if (size > maxDocumentBytes)
      throw new Failure("invalid", `cannot save: ${path} of ${size} bytes is too long`);
    this.#document = [];
    this.#documents.set(path, this.#document);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#blob !== undefined) await this.#blob.file.writeFile(bytes);
    else this.#document?.push(Buffer.from(bytes));
  }

  async finish(): Promise<void> {
    this.#document = undefined;
    if (this.#blob === undefined) return;
    const { file, draft, target } = this.#blob;
    await file.close();
    await rename(draft, target);
    this.#blob = undefined;
  }

  /** Blobs are there by now: the index may name them. */
  async writeIndex(): Promise<void> {
    const given = this.#documents.get("index.json");
    const layout = this.#documents.get("oci-layout");
    if (given === undefined || layout === undefined) {
      throw new Failure("corrupt", "cannot save: the daemon's archive is no OCI layout");
    }
    const indexPath = join(this.#root, "index.json");
    const before = await readFile(indexPath).catch(() => undefined);
    await this.#replace("oci-layout", Buffer.concat(layout));
    await this.#replace("index.json", mergeIndexes(before, Buffer.concat(given)));
  }

  async #beginBlob(path: string, size: number): Promise<void> {
    const target = join(this.#root, path);
    // Named by what it holds: the same one need not be written twice.
    if ((await stat(target).catch(() => undefined))?.size === size) return;
    await mkdir(dirname(target), { recursive: true });
    const draft = `${target}.${process.pid}`;
    this.#blob = { file: await open(draft, "w", 0o644), draft, target };
  }

  async #replace(name: string, bytes: Uint8Array): Promise<void> {
    const target = join(this.#root, name);
    const draft = `${target}.${process.pid}`;
    const file = await open(draft, "w", 0o644);
    await file.writeFile(bytes);
    await file.close();
    await rename(draft, target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#blob === undefined) return;
    await this.#blob.file.close().catch(() => undefined);
    await rm(this.#blob.draft, { force: true });
  }
}
