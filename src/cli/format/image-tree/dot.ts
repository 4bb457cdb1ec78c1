import type { ImageTree } from "../../../api/types/image.ts";
import { imageText, layerName, layerText, type TreeStyle } from "./tree-node.ts";

/** A graph in Graphviz's language. The same layer on different ones below is joined by a dashed line. */
export function drawTreeDot(tree: ImageTree, style: TreeStyle): string {
  const lines = ["digraph images {", "  rankdir=LR;", '  node [fontname="monospace", fontsize=10];'];
  const nodeIds = new Map<string, string>();
  const ids = new Map(tree.Layers.map(({ ChainId }, index) => [ChainId, `layer${index}`]));
  let count = 0;
  const addImage = (text: string, from?: string): void => {
    const id = `image${count++}`;
    lines.push(`  ${id} [shape=box, style="rounded,filled", fillcolor="#dbeafe", label=${quote(text)}];`);
    if (from !== undefined) lines.push(`  ${from} -> ${id};`);
  };
  for (const layer of tree.Layers) {
    const id = ids.get(layer.ChainId) ?? "";
    const fill = layer.UsedBy > 1 ? ', style=filled, fillcolor="#fef3c7"' : "";
    const label = quote(`${layerName(layer, style)}\n${layerText(layer, style)}`);
    lines.push(`  ${id} [shape=box${fill}, label=${label}];`);
    const below = layer.Parent === undefined ? undefined : ids.get(layer.Parent);
    if (below !== undefined) lines.push(`  ${below} -> ${id};`);
    const elsewhere = nodeIds.get(layer.DiffId);
    if (elsewhere === undefined) nodeIds.set(layer.DiffId, id);
    else lines.push(`  ${elsewhere} -> ${id} [style=dashed, dir=none, constraint=false];`);
    for (const image of layer.Images) addImage(imageText(image, style), id);
  }
  for (const image of tree.Layerless) addImage(imageText(image, style));
  return `${lines.join("\n")}\n}\n`;
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\l")}\\l"`;
}
