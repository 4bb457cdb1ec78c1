import { type EngineName, engineNames } from "../engines/engine.ts";
import type { Machine } from "./machine.ts";
import { meetsBudget, type Result } from "./result.ts";

export interface Report {
  readonly machine: Machine;
  /** Versions of what was measured, or why it was not. */
  readonly engines: Readonly<Partial<Record<EngineName, string>>>;
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly isQuick: boolean;
  readonly results: readonly Result[];
}

/** The table for people: medians (fastest · p90), what Tare's is to docker's and to the budget. */
export function formatReport({ machine, engines, loadBefore, loadAfter, isQuick, results }: Report): string {
  const { cpu, cores, memoryGb, kernel, system, cgroups, fileSystem, date } = machine;
  const names = engineNames.filter((name) => results.some(({ figures }) => figures[name] !== undefined));
  const header = ["", ...names, "tare/docker", "budget", ""];
  const lines = results.map((result) => [
    `${result.row} (${result.unit})`,
    ...names.map((name) => cell(result, name)),
    ratio(result),
    result.budget === undefined ? "" : `${result.better === "less" ? "≤" : "≥"} ${result.budget}`,
    verdict(result),
  ]);
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB · Linux ${kernel} · ${system} · cgroups ${cgroups} · ${fileSystem}`,
    `${date} UTC · load ${loadBefore} before, ${loadAfter} after${isQuick ? " · QUICK: few samples" : ""}`,
    ...Object.entries(engines).map(([name, version]) => `${name}: ${version}`),
    "",
    ...align([header, ...lines]),
    "",
    "median (min · p90) of interleaved samples",
  ].join("\n");
}

function cell({ figures }: Result, name: EngineName): string {
  const figure = figures[name];
  if (figure === undefined) return "–";
  if (figure.count === 1) return round(figure.median);
  return `${round(figure.median)} (${round(figure.min)} · ${round(figure.p90)})`;
}

function ratio({ figures: { tare, docker } }: Result): string {
  if (tare === undefined || docker === undefined || docker.median === 0) return "";
  const share = tare.median / docker.median;
  return share >= 1 ? share.toFixed(1) : `1/${(1 / share).toFixed(1)}`;
}

function verdict(result: Result): string {
  const isMet = meetsBudget(result);
  if (isMet === undefined) return "";
  const share = `${Math.round(((result.figures.tare?.median ?? 0) / (result.budget ?? 1)) * 100)} %`;
  return isMet ? `met (${share})` : `MISSED (${share})`;
}

/** Three figures that mean something. */
function round(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? "")].length))) ?? [];
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
