/** The hostile program `attacker.c`, built once, and for how long its races go on. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { testCache } from "./images.ts";

/** Of one race; `TARE_ATTACK_SECONDS` makes it longer. */
export const raceMs: number = Number(process.env["TARE_ATTACK_SECONDS"] ?? "2") * 1000;

/** A static program, so that it runs in any root file system. */
export function attackerProgram(): string {
  const source = join(import.meta.dirname, "attacker.c");
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const path = join(testCache, `attacker-${hash}`);
  if (existsSync(path)) return path;
  mkdirSync(testCache, { recursive: true });
  const draft = `${path}.${process.pid}`;
  execFileSync("gcc", ["-O1", "-static", "-Wall", "-Werror", "-o", draft, source]);
  renameSync(draft, path);
  return path;
}
