import { parseTrustedJson } from "../../base/trusted-json.ts";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fault } from "../../base/fault.ts";
import { codeOf, fileFailure } from "../../linux/files/file-failure.ts";
import type { Digest } from "../../spec/digest.ts";
import type { LayerDirectory } from "./layer-directory.ts";
import type { DriverPaths } from "./driver-paths.ts";
import type { Trash } from "./trash.ts";

/** Which layers a tree is made of, the lowest first, and whose owner and mode its root has (a directory's path). */
export interface ViewContent {
  readonly visible: readonly Digest[];
  readonly root: string;
}

/** Makes the directory `path`, with one tree of the layers in it. */
export type MakeView = (path: string, content: ViewContent) => Promise<void>;

/** Merged trees of lists of layers, created on first use. They must never be written to. */
export class Views {
  readonly #paths: DriverPaths;
  readonly #layers: LayerDirectory;
  readonly #trash: Trash;
  readonly #path: string;
  readonly #make: MakeView;
  readonly #making: Map<string, Promise<string>> = new Map();

  constructor(
    paths: DriverPaths,
    {
      layers,
      trash,
      make,
    }: { readonly layers: LayerDirectory; readonly trash: Trash; readonly make: MakeView },
  ) {
    this.#paths = paths;
    this.#make = make;
    this.#layers = layers;
    this.#trash = trash;
    this.#path = `${paths.root}/views`;
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
  }

  /** Path of the tree. Throws "not-found" naming a layer that is missing. */
  async ensure(layers: readonly Digest[]): Promise<string> {
    return await this.ensureContent(this.#contentOf(layers));
  }

  /** As ensure(). */
  async ensureContent(content: ViewContent): Promise<string> {
    const name = nameOf(content);
    let made = this.#making.get(name);
    if (made === undefined) {
      made = this.#ensure(name, content).finally(() => this.#making.delete(name));
      this.#making.set(name, made);
    }
    return await made;
  }

  has(content: ViewContent): boolean {
    return readList(`${this.#path}/${nameOf(content)}/layers`) !== undefined;
  }

  /** As ensure(), but undefined where there is none yet. */
  find(layers: readonly Digest[]): string | undefined {
    const content = this.#contentOf(layers);
    return this.has(content) ? `${this.#path}/${nameOf(content)}/fs` : undefined;
  }

  /** All that have this layer. */
  remove(diffId: Digest): void {
    for (const name of readdirSync(this.#path)) {
      if (readList(`${this.#path}/${name}/layers`)?.includes(diffId) === false) continue;
      this.#trash.discard(`${this.#path}/${name}`);
    }
  }

  #contentOf(layers: readonly Digest[]): ViewContent {
    const visible = this.#layers.visibleOf(layers).toReversed();
    return { visible, root: this.#layers.rootOf(layers) };
  }

  async #ensure(name: string, content: ViewContent): Promise<string> {
    const path = `${this.#path}/${name}`;
    if (readList(`${path}/layers`) !== undefined) return `${path}/fs`;
    const draft = `${this.#paths.drafts}/${randomBytes(12).toString("hex")}`;
    try {
      mkdirSync(draft, 0o700);
      await this.#make(`${draft}/fs`, content);
      writeFileSync(`${draft}/layers`, JSON.stringify(content.visible), { mode: 0o600 });
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

function nameOf({ visible, root }: ViewContent): string {
  return createHash("sha256")
    .update(JSON.stringify([visible, root]))
    .digest("hex");
}

function readList(path: string): readonly string[] | undefined {
  try {
    return parseTrustedJson<string[]>(readFileSync(path, "utf8"));
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
