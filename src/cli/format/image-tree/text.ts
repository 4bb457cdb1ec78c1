import type { ImageTree } from "../../../api/types/image.ts";
import { formatByteSize } from "../../../base/byte-size.ts";
import {
  imageText,
  layerName,
  layerText,
  nestLayers,
  type TreeNode,
  type TreeStyle,
  treeTotals,
} from "./tree-node.ts";

/** A tree for the terminal: each layer a line, below it the images that end with it and the layers on it. */
export function drawTreeText(tree: ImageTree, style: TreeStyle): string {
  const lines: string[] = [];
  const roots = nestLayers(tree);
  for (const root of roots) drawNode(root, { first: "", rest: "", lines, style });
  for (const image of tree.Layerless) lines.push(`${imageText(image, style)}  (no layers)`);
  const { layers, stored, apart } = treeTotals(tree);
  if (layers > 0) {
    lines.push(
      "",
      `${layers} ${layers === 1 ? "layer" : "layers"}, ${formatByteSize(stored, 3)} (${formatByteSize(apart, 3)} if nothing were shared)`,
    );
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function drawNode(
  { layer, above }: TreeNode,
  {
    first,
    rest,
    lines,
    style,
  }: { readonly first: string; readonly rest: string; readonly lines: string[]; readonly style: TreeStyle },
): void {
  lines.push(`${first}${layerName(layer, style)}  ${layerText(layer, style)}`);
  const count = layer.Images.length + above.length;
  for (const [index, image] of layer.Images.entries()) {
    lines.push(`${rest}${index === count - 1 ? "└── " : "├── "}${imageText(image, style)}`);
  }
  for (const [index, node] of above.entries()) {
    const isLast = layer.Images.length + index === count - 1;
    drawNode(node, {
      first: `${rest}${isLast ? "└── " : "├── "}`,
      rest: `${rest}${isLast ? "    " : "│   "}`,
      lines,
      style,
    });
  }
}
