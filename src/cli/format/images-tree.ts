import type { ImageSummary } from "../../api/types/image.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { quoteControls } from "../../base/quote-controls.ts";
import { shortId } from "./text.ts";

export interface ImagesTreeOptions {
  /** Width of the terminal; undefined: unlimited, and no legend. */
  readonly columns: number | undefined;
  readonly hasColors: boolean;
}

interface Details {
  readonly id: string;
  readonly diskUsage: string;
  readonly contentSize: string;
  readonly isInUse: boolean;
}

interface Node extends Details {
  readonly names: readonly string[];
  readonly platforms: readonly (Details & { readonly platform: string; readonly isAvailable: boolean })[];
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly alignsRight?: boolean;
  readonly isPlain?: boolean;
  valueOf(details: Details): string;
}

const gap = " ".repeat(3);
const narrowestName = 12;
const narrowestTerminal = 20;

/**
 * `images --tree`: each image with its names, the platforms below it, their sizes, and which are in use; ordered by
 * name, those without one last. Columns that would leave no space for the names are left out. Pure. SPEC: docker images,
 * `--tree`
 */
export function formatImagesTree(images: readonly ImageSummary[], options: ImagesTreeOptions): string {
  const nodes = images.map(nodeOf).sort(byName);
  const paint = painter(options);
  const { columns, nameWidth } = chooseColumns(nodes, options);
  const details = (row: Details, style: Style): string =>
    columns
      .map((column) => `${gap}${pad(column.valueOf(row), column, column.isPlain ? paint.plain : style)}`)
      .join("");
  const title = pad("IMAGE", { width: nameWidth }, paint.title);
  const lines = [
    ...(options.columns === undefined ? [] : [legend(options)]),
    `${title}${columns.map((column) => gap + pad(column.title.toUpperCase(), column, paint.title)).join("")}`,
  ];
  const isSpaced = nodes.some(({ platforms }) => platforms.length > 0);
  for (const node of nodes) {
    lines.push(...nameLines(node, { nameWidth, paint, details: details(node, paint.normal) }));
    for (const [index, each] of node.platforms.entries()) {
      const style = each.isAvailable ? paint.normal : paint.faint;
      const branch = index === node.platforms.length - 1 ? "└─" : "├─";
      lines.push(`${pad(`${branch} ${each.platform}`, { width: nameWidth }, style)}${details(each, style)}`);
    }
    if (isSpaced) lines.push("");
  }
  return `${lines.join("\n")}\n`;
}

/** Each name on a line; the last one with the details behind it, where it fits. */
function nameLines(
  { names }: Node,
  {
    nameWidth,
    paint,
    details,
  }: { readonly nameWidth: number; readonly paint: Paint; readonly details: string },
): readonly string[] {
  const last = names.at(-1);
  if (last === undefined) return [`${pad(untagged, { width: nameWidth }, paint.faint)}${details}`];
  const shown = names.map((name) => pad(name, { width: nameWidth }, paint.name));
  if (last.length <= nameWidth) return [...shown.slice(0, -1), `${shown.at(-1) ?? ""}${details}`];
  return [...shown, `${" ".repeat(nameWidth)}${details}`];
}

const untagged = "<untagged>";

function nodeOf(image: ImageSummary): Node {
  const { Manifests: manifests = [] } = image;
  const platforms = manifests.flatMap(({ ID, Size, Available, ImageData: data }) => {
    if (data === undefined) return [];
    const { os, architecture, variant } = data.Platform;
    return [
      {
        id: shortId(ID),
        // SAFETY: the image chooses the words, and they are printed on a terminal.
        platform: quoteControls([os, architecture, ...(variant === undefined ? [] : [variant])].join("/")),
        isAvailable: Available,
        isInUse: data.Containers.length > 0,
        diskUsage: formatByteSize(Size.Total, 3),
        contentSize: formatByteSize(Size.Content, 3),
      },
    ];
  });
  const total = manifests.reduce((sum, { Size }) => sum + Size.Total, 0);
  return {
    names: [...image.RepoTags].sort(),
    id: shortId(image.Id),
    diskUsage: formatByteSize(manifests.length === 0 ? image.Size : total, 3),
    contentSize: formatByteSize(
      manifests.reduce((sum, { Size }) => sum + Size.Content, 0),
      3,
    ),
    isInUse: image.Containers > 0 || platforms.some(({ isInUse }) => isInUse),
    platforms,
  };
}

function byName({ names: [one] }: Node, { names: [other] }: Node): number {
  if (one === undefined || other === undefined)
    return Number(one === undefined) - Number(other === undefined);
  return one < other ? -1 : Number(one > other);
}

function chooseColumns(
  nodes: readonly Node[],
  { columns: terminal, hasColors }: ImagesTreeOptions,
): { readonly columns: readonly Column[]; readonly nameWidth: number } {
  const used = hasColors ? "\x1b[38;5;0m\x1b[48;5;14m U \x1b[0m" : "U";
  const unused = hasColors ? "   " : " ";
  const hasUse = nodes.some(({ isInUse }) => isInUse);
  const all: readonly Column[] = [
    { title: "ID", width: 12, valueOf: ({ id }) => id },
    { title: "Disk usage", width: 10, alignsRight: true, valueOf: ({ diskUsage }) => diskUsage },
    { title: "Content size", width: 12, alignsRight: true, valueOf: ({ contentSize }) => contentSize },
    {
      title: "Extra",
      width: 5,
      isPlain: true,
      valueOf: ({ isInUse }) => (hasUse ? (isInUse ? used : unused) : ""),
    },
  ];
  const widest = Math.max(
    "Image".length,
    ...nodes.flatMap(({ names, platforms }) => [
      ...(names.length === 0 ? [untagged.length] : names.map((name) => name.length)),
      ...platforms.map(({ platform }) => platform.length + 3),
    ]),
  );
  if (terminal === undefined) return { columns: all, nameWidth: widest };
  let space = Math.max(terminal, narrowestTerminal);
  const columns: Column[] = [];
  for (const column of all) {
    const width = column.width + gap.length;
    if (space - width < narrowestName) break;
    space -= width;
    columns.push(column);
  }
  return { columns, nameWidth: Math.min(space, widest) };
}

function legend({ columns = 0, hasColors }: ImagesTreeOptions): string {
  const plain = " Info ->  U In Use";
  if (!hasColors) return plain.padStart(columns);
  const info = "\x1b[1m\x1b[106m\x1b[30mi\x1b[0m\x1b[0m \x1b[96mInfo → \x1b[0m\x1b[0m";
  const text = `${info} \x1b[38;5;0m\x1b[48;5;14m U \x1b[0m In Use`;
  return `${" ".repeat(Math.max(0, columns - widthOf(text)))}${text}`;
}

type Style = (text: string) => string;
type Paint = Readonly<Record<"plain" | "normal" | "faint" | "title" | "name", Style>>;

function painter({ hasColors }: ImagesTreeOptions): Paint {
  const plain: Style = (text) => text;
  const style = (codes: string): Style => (hasColors ? (text) => `\x1b[${codes}m${text}\x1b[0m` : plain);
  return { plain, normal: style("39"), faint: style("39;2"), title: style("39;1"), name: style("34;1") };
}

/** What is wider than the column stays whole: only names can be. */
function pad(
  text: string,
  { width, alignsRight = false }: { readonly width: number; readonly alignsRight?: boolean },
  style: Style,
): string {
  const fill = " ".repeat(Math.max(0, width - widthOf(text)));
  return alignsRight ? `${fill}${style(text)}` : `${style(text)}${fill}`;
}

function widthOf(text: string): number {
  // oxlint-disable-next-line no-control-regex -- the codes of terminals begin so
  return [...text.replace(/\x1b\[[0-9;]*m/g, "")].length;
}
