import type { Complete } from "../../../base/defined.ts";
import { Failure, within } from "../../../base/failure.ts";
import { encodeBytes } from "../../../spec/byte-text.ts";
import type { IdMaps } from "../../../spec/id-map.ts";
import { TarReader } from "../../../spec/tar.ts";
import type { TarEntry, TarEvent } from "../../../spec/tar-entry.ts";
import type { Fd } from "../../kernel/fd.ts";
import { findStatAt } from "../../files/stat.ts";
import type { UnpackOptions, UnpackResult } from "../unpack-options.ts";
import { EntryCounter } from "../entry-counter.ts";
import { baseOf, cleanPath, depthOf, type EntryTarget, LINK_SOURCES, parseTarget } from "../entry-path.ts";
import { LayerTree } from "./layer-tree.ts";
import { LayerWriter } from "../layer-writer.ts";
import { Pace } from "../pace.ts";
import { withHostAttributes, withHostOwner } from "./shift-ids.ts";
import { hideLower, hideLowerContents, removeLower, removeLowerContents } from "./whiteouts.ts";

/** One run of unpackLayer(). */
export class Unpacking implements Disposable {
  readonly #counter: EntryCounter;
  readonly #options: Complete<Pick<UnpackOptions, "names" | "whiteouts" | "devices" | "existing" | "root">>;
  readonly #owner: UnpackOptions["owner"];
  readonly #idMaps: UnpackOptions["idMaps"];
  readonly #pace: Pace;
  readonly #tree: LayerTree;
  readonly #writer: LayerWriter;
  #isRootOpaque = false;
  /**
   * Files that are in the tree only as long as links to them may follow, or a symbolic link that leads to where they
   * are.
   */
  #hasLinkSources = false;
  #current: TarEntry | undefined;

  constructor(
    into: Fd,
    {
      whiteouts = "overlay",
      devices = "make",
      names = "strict",
      existing = "replace",
      root = "set",
      owner,
      idMaps,
      limits,
      within,
      checkDirectory,
      signal,
    }: UnpackOptions,
  ) {
    this.#counter = new EntryCounter(limits);
    this.#options = { whiteouts, devices, names, existing, root };
    this.#owner = owner;
    this.#idMaps = idMaps;
    this.#pace = new Pace(signal);
    this.#tree = new LayerTree(into, {
      rules: names,
      whiteouts,
      pace: this.#pace,
      within,
      checkDirectory,
    });
    this.#writer = new LayerWriter(this.#tree, { ...this.#options, pace: this.#pace });
  }

  async run(chunks: AsyncIterable<Uint8Array>): Promise<UnpackResult> {
    const reader = new TarReader();
    for await (const chunk of chunks) {
      for (const event of reader.push(chunk)) {
        await this.#take(event);
        if (this.#pace.isDue()) await this.#pace.rest();
      }
    }
    reader.end();
    if (this.#hasLinkSources) await this.#tree.clear(LINK_SOURCES);
    for (const path of this.#tree.late.keys()) {
      this.#writer.finishDirectory(path);
      if (this.#pace.isDue()) await this.#pace.rest();
    }
    const { skippedXattrs } = this.#writer;
    const { entries, bytes } = this.#counter;
    return { entries, bytes, skippedXattrs, isRootOpaque: this.#isRootOpaque };
  }

  async #take(event: TarEvent): Promise<void> {
    try {
      if (event.kind === "data") {
        await this.#writer.write(event.bytes, event.offset);
      } else if (event.kind === "entry") {
        this.#current = { ...event.entry, ...this.#owner };
        if (this.#idMaps !== undefined) this.#current = shifted(this.#current, this.#idMaps);
        await this.#begin(this.#current);
      } else if (this.#current !== undefined) {
        this.#writer.finish(this.#current);
      }
    } catch (thrown) {
      throw within(`cannot unpack ${JSON.stringify(this.#current?.path)}`, thrown);
    }
  }

  async #begin(entry: TarEntry): Promise<void> {
    this.#counter.count(entry);
    const { names, whiteouts } = this.#options;
    const target: EntryTarget =
      whiteouts === "plain"
        ? { kind: "member", path: cleanPath(entry.path, names) }
        : parseTarget(entry.path, names);
    if (target.kind === "ignored") return;
    if (target.kind === "link-source" && entry.type !== "file") return;
    if (depthOf(target.path) > this.#counter.limits.depth) {
      throw new Failure("invalid", `it lies more than ${this.#counter.limits.depth} directories deep`);
    }
    if (whiteouts === "aufs") checkAufsNames(target.path);
    if (target.kind === "member") {
      if (entry.type === "symlink" && entry.linkName.includes(LINK_SOURCES)) this.#hasLinkSources = true;
      if (target.path === "" && entry.type === "directory" && this.#options.root === "keep") return;
      if (target.path !== "" && this.#options.existing === "same-kind") this.#checkKind(target.path, entry);
      return await this.#writer.begin(target.path, entry);
    }
    if (target.kind === "link-source") {
      this.#hasLinkSources = true;
      return await this.#writer.begin(target.path, entry);
    }
    const { marks } = this.#tree;
    if (target.kind === "whiteout") {
      if (marks !== undefined) hideLower(this.#tree, marks, target.path);
      else await removeLower(this.#tree, target.path, this.#pace);
    } else {
      if (target.path === "") this.#isRootOpaque = true;
      if (marks !== undefined) hideLowerContents(this.#tree, marks, target.path);
      else await removeLowerContents(this.#tree, target.path, this.#pace);
    }
  }

  #checkKind(path: string, { type }: TarEntry): void {
    const found = findStatAt(this.#tree.parent(path), baseOf(path));
    if (found === undefined || (found.kind === "directory") === (type === "directory")) return;
    throw new Failure(
      "invalid",
      type === "directory"
        ? "cannot overwrite non-directory with directory"
        : "cannot overwrite directory with non-directory",
    );
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
    this.#tree[Symbol.dispose]();
  }
}

/** SPEC: aufs(5): aufs lists longer names, but a file with one cannot be opened, changed or removed. */
const longestAufsName = 242;

function checkAufsNames(path: string): void {
  if (path.length * 3 <= longestAufsName) return;
  for (const name of path.split("/")) {
    if (encodeBytes(name).length <= longestAufsName) continue;
    throw new Failure("unsupported", `its name is longer than the ${longestAufsName} bytes that aufs takes`);
  }
}

function shifted(entry: TarEntry, maps: IdMaps): TarEntry {
  return { ...withHostOwner(entry, maps), xattrs: withHostAttributes(entry.xattrs, maps) };
}
