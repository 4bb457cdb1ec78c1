import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fault } from "../../base/fault.ts";
import { codeOf, fileFailure } from "../../linux/file-failure.ts";
import { openDirectoryPath } from "../../linux/open.ts";
import { mergeLayer } from "../../linux/tree.ts";
import type { Digest } from "../../spec/digest.ts";
import { type LayerDirectory, makeRoot } from "../disk/layer-directory.ts";
import type { Places } from "../disk/places.ts";
import type { Trash } from "../disk/trash.ts";

/**
 * Lists of layers as one tree each, made when they are first asked for: directories, and in them the layers' own files
 * under a further name. So a view takes hardly any space, and nobody may ever write to it.
 */
export class Views {
  readonly #places: Places;
  readonly #layers: LayerDirectory;
  readonly #trash: Trash;
  readonly #path: string;
  readonly #making: Map<string, Promise<string>> = new Map();

  constructor(places: Places, { layers, trash }: { readonly layers: LayerDirectory; readonly trash: Trash }) {
    this.#places = places;
    this.#layers = layers;
    this.#trash = trash;
    this.#path = `${places.root}/views`;
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
  }

  /** Path of the tree. Throws "not-found" naming a layer that is missing. */
  async ensure(layers: readonly Digest[]): Promise<string> {
    const visible = this.#layers.visibleOf(layers).toReversed();
    const root = this.#layers.rootOf(layers);
    const text = JSON.stringify([visible, root]);
    const name = createHash("sha256").update(text).digest("hex");
    let made = this.#making.get(name);
    if (made === undefined) {
      made = this.#make(name, { visible, root }).finally(() => this.#making.delete(name));
      this.#making.set(name, made);
    }
    return await made;
  }

  /** All that have this layer. */
  remove(diffId: Digest): void {
    for (const name of readdirSync(this.#path)) {
      if (readList(`${this.#path}/${name}/layers`)?.includes(diffId) === false) continue;
      this.#trash.discard(`${this.#path}/${name}`);
    }
  }

  async #make(
    name: string,
    { visible, root }: { readonly visible: readonly Digest[]; readonly root: string },
  ): Promise<string> {
    const path = `${this.#path}/${name}`;
    if (readList(`${path}/layers`) !== undefined) return `${path}/fs`;
    const draft = `${this.#places.drafts}/${randomBytes(12).toString("hex")}`;
    try {
      mkdirSync(draft, 0o700);
      makeRoot(`${draft}/fs`, root);
      using into = openDirectoryPath(`${draft}/fs`);
      for (const diffId of visible) {
        using layer = openDirectoryPath(`${this.#places.layer(diffId)}/fs`);
        await mergeLayer(layer.fd, into.fd, { files: "link" });
      }
      writeFileSync(`${draft}/layers`, JSON.stringify(visible), { mode: 0o600 });
      this.#trash.discard(path); // what a power loss left of one
      fault("view.merged");
      renameSync(draft, path);
    } catch (thrown) {
      this.#trash.discard(draft);
      throw fileFailure("cannot make one tree of the layers", thrown);
    }
    return `${path}/fs`;
  }
}

function readList(path: string): readonly string[] | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as string[];
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
