import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./tare.ts";

/** A command of README.md's tour, typed behind `# `. */
export interface TourStep {
  readonly command: string;
  /** Lines that are typed into the program that it starts, behind that one's own prompt. */
  readonly typed: readonly string[];
  /** The output that README.md shows; empty: none. */
  readonly output: string;
}

/** README.md's tour, from its text. */
export function readTour(): readonly TourStep[] {
  const text = readFileSync(join(repository, "README.md"), "utf8");
  const tour = /\n## A tour\n([\s\S]*?)\n## /.exec(text)?.[1] ?? "";
  const lines = [...tour.matchAll(/```\n([\s\S]*?)```/g)].flatMap(([, block]) =>
    (block as string).split("\n"),
  );
  const steps: { command: string; typed: string[]; output: string }[] = [];
  for (const line of lines) {
    const last = steps.at(-1);
    if (line.startsWith("# ")) steps.push({ command: line.slice(2), typed: [], output: "" });
    else if (last !== undefined && line.startsWith("~ # ")) last.typed.push(line.slice(4));
    else if (last !== undefined && line !== "") last.output += `${line}\n`;
  }
  return steps;
}

/** Ids, numbers, times and widths of columns are others each time. */
export function withoutChance(text: string): string {
  return text
    .replaceAll(/\b(Less than a|About an?|a|\d+) (second|minute)s?\b( ago)?/g, "TIME")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/\w{3} \w{3} +\d+ [\d:]{8} UTC \d{4}/g, "TIME")
    .replaceAll(/\b[0-9a-f]{12,64}\b/g, "ID")
    .replaceAll(/\b\d{10}\b/g, "INODE")
    .replaceAll(/[ \t\r]+/g, " ")
    .replaceAll(/ $/gm, "")
    .replaceAll(/(^ ?| )\d+(?= )/gm, " N")
    .trim();
}
