/** The hostile program `attacker.c`, built once, and for how long races go on. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isFullRun } from "./full-run.ts";
import { testCache } from "./images.ts";

const raceMs = Number(process.env["TARE_ATTACK_SECONDS"] ?? (isFullRun ? "20" : "2")) * 1000;
const longestMs = 90_000;

/**
 * `while (isRacing()) …`: true for the time of a race (`TARE_ATTACK_SECONDS`), and after it until `hasHappened()`, for
 * at most 90 seconds: on a busy machine the attacked operation may not succeed earlier.
 */
export function startRace(hasHappened: () => boolean = () => true): () => boolean {
  const begun = Date.now();
  return () => {
    const ms = Date.now() - begun;
    return ms < raceMs || (ms < longestMs && !hasHappened());
  };
}

/** A static program, so that it runs in any root file system. */
export function attackerProgram(): string {
  return staticProgram("attacker");
}

/** The program of `test/support/NAME.c`, built once. */
export function staticProgram(name: string): string {
  const source = join(import.meta.dirname, `${name}.c`);
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const path = join(testCache, `${name}-${hash}`);
  if (existsSync(path)) return path;
  mkdirSync(testCache, { recursive: true });
  const draft = `${path}.${process.pid}`;
  execFileSync("gcc", ["-O1", "-static", "-Wall", "-Werror", "-o", draft, source]);
  renameSync(draft, path);
  return path;
}
