import type { ImageTree, ImageTreeImage, ImageTreeLayer } from "../../../api/types/image.ts";
import { formatByteSize } from "../../../base/byte-size.ts";
import { ellipsize, shortId } from "../text.ts";

export interface TreeStyle {
  /** Whole ids and commands. */
  readonly isWhole: boolean;
}

/** A layer with all that stands on it. */
export interface TreeNode {
  readonly layer: ImageTreeLayer;
  readonly above: readonly TreeNode[];
}

/** From the layers that stand on none. */
export function nestLayers({ Layers }: ImageTree): readonly TreeNode[] {
  const above = new Map<string | undefined, ImageTreeLayer[]>();
  for (const layer of Layers) {
    const siblings = above.get(layer.Parent) ?? [];
    siblings.push(layer);
    above.set(layer.Parent, siblings);
  }
  const nest = (parent: string | undefined): readonly TreeNode[] =>
    (above.get(parent) ?? []).map((layer) => ({ layer, above: nest(layer.ChainId) }));
  return nest(undefined);
}

export function layerName({ DiffId }: ImageTreeLayer, { isWhole }: TreeStyle): string {
  return isWhole ? DiffId : shortId(DiffId);
}

export function layerText(layer: ImageTreeLayer, { isWhole }: TreeStyle): string {
  const users = layer.UsedBy > 1 ? `  shared by ${layer.UsedBy}` : "";
  const made = printable(layer.CreatedBy ?? "");
  const command = made === "" ? "" : `  ${isWhole ? made : ellipsize(made, 60)}`;
  return `${formatByteSize(layer.Size, 3)}${users}${command}`;
}

export function imageText({ Id, RepoTags }: ImageTreeImage, { isWhole }: TreeStyle): string {
  return `${RepoTags.length === 0 ? "<none>" : RepoTags.join(", ")}  ${isWhole ? Id : shortId(Id)}`;
}

/** Of the disk, and what it would be if every image had its own layers. */
export function treeTotals({ Layers }: ImageTree): {
  readonly layers: number;
  readonly stored: number;
  readonly apart: number;
} {
  const distinct = new Map(Layers.map((layer) => [layer.DiffId, layer]));
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  return {
    layers: distinct.size,
    stored: sum([...distinct.values()].map(({ Size }) => Size)),
    apart: sum([...distinct.values()].map(({ Size, UsedBy }) => Size * UsedBy)),
  };
}

/** SAFETY: an image's author wrote it, and it goes to a terminal or into a document. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trim();
}
