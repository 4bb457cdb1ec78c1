import { retimeTar } from "../../build/exporters/retime-tar.ts";
import type { BuiltTree, TreeEntry } from "../../model/builds.ts";

/** A tree whose files all have one time when they leave the engine. SPEC: BuildKit, docs/build-repro.md */
export class TimedTree implements BuiltTree {
  readonly #tree: BuiltTree;
  readonly #epochMs: number;

  /** Owns the tree. */
  constructor(tree: BuiltTree, epochMs: number) {
    this.#tree = tree;
    this.#epochMs = epochMs;
  }

  async stat(path: string): Promise<TreeEntry> {
    return await this.#tree.stat(path);
  }

  async list(path: string): Promise<readonly TreeEntry[]> {
    return await this.#tree.list(path);
  }

  async read(...options: Parameters<BuiltTree["read"]>): Promise<Uint8Array> {
    return await this.#tree.read(...options);
  }

  open(path: string): AsyncIterable<Uint8Array> {
    return this.#tree.open(path);
  }

  async *walk(): AsyncGenerator<TreeEntry, void, undefined> {
    const modifiedNs = BigInt(this.#epochMs) * 1_000_000n;
    for await (const entry of this.#tree.walk()) yield { ...entry, modifiedNs };
  }

  tar(): AsyncIterable<Uint8Array> {
    return retimeTar(this.#tree.tar(), { epochMs: this.#epochMs, mode: "set" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tree[Symbol.asyncDispose]();
  }
}
