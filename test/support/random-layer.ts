import fc from "fast-check";
import { TarBuilder } from "./tar-builder.ts";

export interface LayerItem {
  readonly path: readonly string[];
  readonly kind: "file" | "directory" | "symlink" | "fifo" | "whiteout" | "opaque";
  readonly contents: string;
  readonly mode: number;
}

/** Names of one layer, each with all its parents: what a program that walks a tree writes. */
const part = fc.constantFrom("a", "b", "c");
export const layerItem: fc.Arbitrary<LayerItem> = fc.record({
  path: fc.array(part, { minLength: 1, maxLength: 3 }),
  kind: fc.constantFrom<LayerItem["kind"][]>("file", "directory", "symlink", "fifo", "whiteout", "opaque"),
  contents: fc.constantFrom("1", "2", "3"),
  mode: fc.constantFrom(0o755, 0o700, 0o1777),
});

/** Its archive; what contradicts an earlier item is left out. */
export function layerOf(items: readonly LayerItem[]): Uint8Array {
  const builder = new TarBuilder();
  const kinds = new Map<string, string>();
  for (const { path, kind, contents, mode } of items) {
    const name = path.join("/");
    const parents = path.slice(0, -1).map((_, at) => path.slice(0, at + 1).join("/"));
    if (kinds.has(name) || parents.some((parent) => (kinds.get(parent) ?? "directory") !== "directory"))
      continue;
    for (const parent of parents) {
      if (!kinds.has(parent)) builder.directory(parent);
      kinds.set(parent, "directory");
    }
    const above = parents.at(-1);
    const below = above === undefined ? "" : `${above}/`;
    if (kind === "opaque") {
      if (above !== undefined) builder.file(`${below}.wh..wh..opq`);
    } else if (kind === "whiteout") {
      builder.file(`${below}.wh.${path.at(-1)}`);
      kinds.set(name, "whiteout");
    } else {
      if (kind === "file") builder.file(name, contents, { mode });
      else if (kind === "symlink") builder.symlink(name, contents);
      else if (kind === "fifo") builder.header({ name, flag: "6", mode });
      else builder.directory(name, { mode });
      kinds.set(name, kind);
    }
  }
  return builder.end();
}
