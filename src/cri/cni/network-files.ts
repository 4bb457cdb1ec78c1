import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, sentenceOf } from "../../base/failure.ts";
import { type NetworkConfig, parseNetworkConfig } from "./network-config.ts";

const suffixes = [".conflist", ".conf", ".json"];

/** The network of the first file, by name, that can be used; and why those before it cannot. */
export async function findNetwork(
  directory: string,
): Promise<{ readonly config?: NetworkConfig | undefined; readonly faults: readonly string[] }> {
  const faults: string[] = [];
  for (const name of (await namesIn(directory)).toSorted()) {
    if (!suffixes.some((suffix) => name.endsWith(suffix))) continue;
    const path = join(directory, name);
    try {
      return { config: parseNetworkConfig(await readFile(path, "utf8"), path), faults };
    } catch (thrown) {
      faults.push(sentenceOf(thrown));
    }
  }
  return { faults };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
}
