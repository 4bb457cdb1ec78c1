import type {
  StorageBenchFigures,
  StorageBenchLoad,
  StorageBenchRefusal,
} from "../../api/types/storage-bench.ts";
import { formatBinaryByteSize, formatByteSize } from "../../base/byte-size.ts";
import type { Listing, Row } from "./rows.ts";

/** The result of `tare storage bench`. */
export interface StorageBenchReport {
  readonly Load: StorageBenchLoad;
  readonly Drivers: readonly StorageBenchFigures[];
  readonly Unsupported: readonly StorageBenchRefusal[];
}

type Figure = Exclude<keyof StorageBenchFigures, "Driver">;

interface Measure {
  readonly figure: Figure;
  readonly name: string;
  readonly heading: string;
  readonly chart: string;
  readonly format: (value: number) => string;
}

type MeasureRow = readonly [
  figure: Figure,
  name: string,
  heading: string,
  chart: string,
  format: (value: number) => string,
];

/** Of all of them less is better. */
const rows: readonly MeasureRow[] = [
  ["ApplyMs", "Apply", "APPLY", "Apply the layer", formatMs],
  ["ContainerMs", "Container", "CONTAINER", "Prepare, mount and remove a container", formatMs],
  ["StartMs", "Start", "START", "Of that, prepare and mount", formatMs],
  ["FirstWriteMs", "FirstWrite", "FIRST WRITE", "First write to the large file", formatMs],
  ["ReadMs", "Read", "READ", "Read the large file", formatMs],
  ["WalkMs", "Walk", "WALK", "Look at every file", formatMs],
  ["RemovalMs", "Removal", "REMOVAL", "Remove the layer", formatMs],
  ["ContainerSize", "Size", "DISK", "Disk for one more container", (bytes) => formatByteSize(bytes, 3)],
];
const measures: readonly Measure[] = rows.map(([figure, name, heading, chart, format]) => ({
  figure,
  name,
  heading,
  chart,
  format,
}));

export const benchListing: Listing = {
  rowName: "storage driver",
  headings: {
    Driver: "DRIVER",
    ...Object.fromEntries(measures.map(({ name, heading }) => [name, heading])),
  },
  table: ["Driver", ...measures.map(({ name }) => name)].map((name) => `{{.${name}}}`).join("\t"),
};

/** A row each driver that could be measured. */
export function benchRows({ Drivers }: StorageBenchReport): readonly Row[] {
  return Drivers.map((figures) => ({
    Driver: figures.Driver,
    ...Object.fromEntries(
      measures.map(({ figure, name, format }) => {
        const value = figures[figure];
        return [name, value === undefined ? "-" : format(value)];
      }),
    ),
  }));
}

/** Describes the load, above the table. */
export function describeBenchLoad({ Load }: StorageBenchReport): string {
  const { Size, LargeFileSize, SmallFiles, Containers, FileSystem } = Load;
  return (
    `A layer of ${formatBinaryByteSize(Size)} (one file of ${formatBinaryByteSize(LargeFileSize)}, ${SmallFiles} small ones) ` +
    `on ${FileSystem}, ${Containers} containers; native: plain files.\n`
  );
}

/** Drivers that can't be used here, with the reason: below the table. */
export function describeUnsupported({ Unsupported }: StorageBenchReport): string {
  return Unsupported.map(({ Driver, Reason }) => `${Driver}: ${Reason}\n`).join("");
}

/** Bars of one length for the largest value of each measure; `isPlain` without characters of a terminal. */
export function drawBenchBars(
  { Drivers }: StorageBenchReport,
  { columns, isPlain }: { readonly columns: number; readonly isPlain: boolean },
): string {
  const nameWidth = Math.max(...Drivers.map(({ Driver }) => Driver.length));
  const barWidth = Math.max(10, Math.min(60, columns - nameWidth - 15));
  return measures
    .map(({ figure, chart, format }) => {
      const measured = Drivers.flatMap(({ Driver, [figure]: value }) =>
        value === undefined ? [] : [{ Driver, value }],
      );
      const most = Math.max(...measured.map(({ value }) => value));
      const lines = measured.map(({ Driver, value }) => {
        const bar = drawBar(most > 0 ? (value / most) * barWidth : 0, isPlain);
        return `  ${Driver.padEnd(nameWidth)} ${bar}${bar === "" ? "" : " "}${format(value)}\n`;
      });
      return `${chart}\n${lines.join("")}`;
    })
    .join("\n");
}

/** Eighths of a column where there are such characters. */
function drawBar(width: number, isPlain: boolean): string {
  if (isPlain) return "#".repeat(Math.round(width));
  const eighths = Math.round(width * 8);
  const rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8] ?? "";
  return `${"█".repeat(Math.floor(eighths / 8))}${rest}`;
}

function formatMs(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))}s` : `${Number(ms.toPrecision(3))}ms`;
}
