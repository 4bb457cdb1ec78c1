import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testCache } from "./images.ts";

const place = join(testCache, "node-24");
const program = join(place, "node_modules/node/bin/node");

/** Node 24 or later: the one that TARE_NODE24 names, the one that is installed, or the one in the test cache. */
export function findNode24(): string | undefined {
  const isNewEnough = (path: string): boolean => {
    const version = spawnSync(path, ["--version"], { encoding: "utf8" }).stdout ?? "";
    return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0) >= 24;
  };
  const named = process.env["TARE_NODE24"];
  if (named !== undefined) {
    if (!isNewEnough(named)) throw new Error(`TARE_NODE24 is "${named}", which is no Node 24 or later`);
    return named;
  }
  return ["node", program].find(isNewEnough);
}

/** Puts one from npm into the test cache when there is none. */
export function fetchNode24(): void {
  if (findNode24() !== undefined) return;
  mkdirSync(testCache, { recursive: true });
  const draft = mkdtempSync(join(testCache, "work-"));
  try {
    const words = ["install", "--silent", "--no-audit", "--prefix", draft, "node@24"];
    const { status, stderr } = spawnSync("npm", words, { encoding: "utf8" });
    if (status !== 0) throw new Error(`cannot install Node 24: ${stderr}`);
    if (!existsSync(place)) renameSync(draft, place);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
