import { createHash, randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
  readFileSync,
} from "node:fs";
import { join } from "node:path";
import { Failure, within } from "../../base/failure.ts";
import { plainArchive } from "../../build/sources/plain-archive.ts";
import { openDirectoryPath, readFileInRoot } from "../../linux/files/open.ts";
import { filesystemStatus } from "../../linux/mount/filesystem-status.ts";
import { bootId } from "../../linux/process/process.ts";
import { removeTreeInWorker, unpackLayer } from "../../linux/tree/tree.ts";
import type { ContextReceiver, OpenContext, ReceivedContexts } from "../../model/builds.ts";
import { type ContextLimits, FileReceiver, usualContextLimits } from "./context-receiver.ts";

/** Contexts that are kept between builds; the one that was used longest ago goes first. */
const mostKept = 32;
/** Transfers at a time. */
const mostOpen = 64;

/** A kept context, for the list of the build cache. */
export interface KeptContext {
  /** The name of its directory. */
  readonly id: string;
  readonly inUse: boolean;
  readonly lastUsedAtMs: number;
}

/**
 * Clients' contexts in a directory of the data root (0700): `kept/KEY/` has `files`, `index` and `boot`. A context
 * without an index, or of an earlier boot, is removed when it is opened: a power loss may have taken its content.
 */
export class ContextStore implements ReceivedContexts {
  readonly #directory: string;
  readonly #limits: ContextLimits;
  readonly #open = new Set<string>();
  #removals: Promise<void> = Promise.resolve();

  /** Makes the directory; what an earlier process left unfinished is removed. */
  constructor(directory: string, limits: ContextLimits = usualContextLimits) {
    this.#directory = directory;
    this.#limits = limits;
    for (const name of ["kept", "once", "trash"])
      mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(join(directory, "once"))) this.#discard(join("once", name));
    this.#emptyTrash();
  }

  async open(key: string): Promise<ContextReceiver> {
    this.#admit();
    const name = createHash("sha256").update(key).digest("hex").slice(0, 32);
    const isKeeping = key !== "" && !this.#open.has(name);
    const place = isKeeping ? join("kept", name) : join("once", randomUUID());
    if (isKeeping) this.#open.add(name);
    try {
      return this.#openAt(place, { name: isKeeping ? name : undefined });
    } catch (thrown) {
      this.#open.delete(name);
      throw within("cannot receive the build context", thrown);
    }
  }

  async unpack(archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<OpenContext> {
    this.#admit();
    const place = join("once", randomUUID());
    const path = join(this.#directory, place, "files");
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const remove = (): void => {
      this.#discard(place);
      this.#emptyTrash();
    };
    try {
      using root = openDirectoryPath(path);
      await unpackLayer(plainArchive(archive, signal), root.fd, {
        whiteouts: "plain",
        names: "docker",
        root: "keep",
        signal,
      });
    } catch (thrown) {
      remove();
      throw within("cannot unpack the build context", thrown);
    }
    return { path, [Symbol.asyncDispose]: async () => remove() };
  }

  async read(context: string, path: string, limitBytes: number): Promise<string | undefined> {
    using root = openDirectoryPath(context);
    const bytes = readFileInRoot(root.fd, path, { limit: limitBytes });
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  }

  /** Contexts that are kept, in no order. */
  list(): readonly KeptContext[] {
    return readdirSync(join(this.#directory, "kept")).map((id) => ({
      id,
      inUse: this.#open.has(id),
      lastUsedAtMs: statSync(join(this.#directory, "kept", id), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }));
  }

  /** The directory of a kept context, to be measured. */
  pathOf(id: string): string {
    return join(this.#directory, "kept", id, "files");
  }

  /** Removes a kept context; false while it is open or where there is none. */
  remove(id: string): boolean {
    if (this.#open.has(id) || !/^[0-9a-f]{32}$/.test(id) || !existsSync(join(this.#directory, "kept", id)))
      return false;
    this.#discard(join("kept", id));
    this.#emptyTrash();
    return true;
  }

  /** Resolves when all that was removed is gone from the disk. */
  async settle(): Promise<void> {
    await this.#removals;
  }

  #admit(): void {
    const count = readdirSync(join(this.#directory, "once")).length + this.#open.size;
    if (count >= mostOpen)
      throw new Failure(
        "unavailable",
        `cannot receive the build context: ${count} others are open; try again`,
      );
  }

  #openAt(place: string, { name }: { readonly name: string | undefined }): FileReceiver {
    const at = join(this.#directory, place);
    const index = join(at, "index");
    const boot = join(at, "boot");
    const isKept = existsSync(index) && existsSync(boot) && readFileSync(boot, "utf8") === bootId();
    if (!isKept) {
      if (existsSync(at)) this.#discard(place);
      mkdirSync(join(at, "files"), { recursive: true, mode: 0o700 });
      writeFileSync(boot, bootId(), { mode: 0o600 });
    }
    using directory = openDirectoryPath(at);
    const { availableBytes } = filesystemStatus(directory.fd);
    return new FileReceiver(
      { files: join(at, "files"), index, trash: join(this.#directory, "trash") },
      {
        isKept,
        limits: this.#limits,
        availableBytes,
        release: async ({ isComplete }) => {
          if (name === undefined || !isComplete) this.#discard(place);
          else utimesSync(at, new Date(), new Date());
          if (name !== undefined) this.#open.delete(name);
          this.#trim();
          this.#emptyTrash();
        },
      },
    );
  }

  #trim(): void {
    const idle = this.list()
      .filter(({ inUse }) => !inUse)
      .sort((left, right) => right.lastUsedAtMs - left.lastUsedAtMs);
    for (const { id } of idle.slice(mostKept)) this.#discard(join("kept", id));
  }

  /** Away at once; the disk has the space back a little later. */
  #discard(place: string): void {
    const from = join(this.#directory, place);
    if (existsSync(from)) renameSync(from, join(this.#directory, "trash", randomUUID()));
  }

  #emptyTrash(): void {
    this.#removals = this.#removals.then(async () => {
      const path = join(this.#directory, "trash");
      if (!existsSync(path)) return;
      using trash = openDirectoryPath(path);
      for (const name of readdirSync(path)) await removeTreeInWorker(trash.fd, name);
    });
    this.#removals = this.#removals.catch(() => {});
  }
}
