import type { ImageTree } from "../../../api/types/image.ts";
import { imageText, layerName, layerText, nestLayers, type TreeNode, type TreeStyle } from "./tree-node.ts";

const rowHeight = 44;
const boxHeight = 32;
const indent = 28;
const margin = 12;
const characterWidth = 7;

interface Box {
  readonly text: string;
  readonly kind: "layer" | "shared" | "image";
  readonly depth: number;
  /** The row of the box that it stands on. */
  readonly parent?: number | undefined;
}

/** The tree as a drawing that needs nothing else: one box a row, indented below what it stands on. */
export function drawTreeSvg(tree: ImageTree, style: TreeStyle): string {
  const boxes: Box[] = [];
  for (const root of nestLayers(tree)) layOut(root, { boxes, depth: 0, style });
  for (const image of tree.Layerless) boxes.push({ text: imageText(image, style), kind: "image", depth: 0 });
  const width = Math.max(200, ...boxes.map((box) => xOf(box) + widthOf(box))) + margin;
  const height = boxes.length * rowHeight + 2 * margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    "<style>text{font:11px monospace;fill:#111}path{fill:none;stroke:#6b7280}rect{stroke:#6b7280}.layer{fill:#fff}.shared{fill:#fef3c7}.image{fill:#dbeafe}</style>",
    `<rect width="${width}" height="${height}" style="fill:#fff;stroke:none"/>`,
    ...boxes.flatMap((box, row) => drawBox(box, { row, boxes })),
    "</svg>",
    "",
  ].join("\n");
}

function layOut(
  { layer, above }: TreeNode,
  {
    boxes,
    depth,
    style,
    parent,
  }: {
    readonly boxes: Box[];
    readonly depth: number;
    readonly style: TreeStyle;
    readonly parent?: number | undefined;
  },
): void {
  const row = boxes.length;
  boxes.push({
    text: `${layerName(layer, style)}  ${layerText(layer, style)}`,
    kind: layer.UsedBy > 1 ? "shared" : "layer",
    depth,
    parent,
  });
  for (const image of layer.Images) {
    boxes.push({ text: imageText(image, style), kind: "image", depth: depth + 1, parent: row });
  }
  for (const node of above) layOut(node, { boxes, depth: depth + 1, style, parent: row });
}

function drawBox(
  box: Box,
  { row, boxes }: { readonly row: number; readonly boxes: readonly Box[] },
): string[] {
  const x = xOf(box);
  const y = yOf(row);
  const radius = box.kind === "image" ? 8 : 2;
  const below = box.parent === undefined ? undefined : boxes[box.parent];
  const line =
    below === undefined || box.parent === undefined
      ? []
      : [`<path d="M${xOf(below) + indent / 2} ${yOf(box.parent) + boxHeight}V${y + boxHeight / 2}H${x}"/>`];
  return [
    ...line,
    `<rect class="${box.kind}" x="${x}" y="${y}" width="${widthOf(box)}" height="${boxHeight}" rx="${radius}"/>`,
    `<text x="${x + 8}" y="${y + boxHeight / 2 + 4}" xml:space="preserve">${escape(box.text)}</text>`,
  ];
}

function xOf({ depth }: Box): number {
  return margin + depth * indent;
}

function yOf(row: number): number {
  return margin + row * rowHeight;
}

function widthOf({ text }: Box): number {
  return [...text].length * characterWidth + 16;
}

/** SAFETY: names and commands come from images; in a document they are text and nothing else. */
function escape(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "amp",
    "<": "lt",
    ">": "gt",
    '"': "quot",
    "'": "#39",
  };
  return text.replace(/[&<>"']/g, (character) => `&${names[character]};`);
}
