import type { Fd } from "../../../kernel/fd.ts";
import { findNumber } from "../statistics/parse.ts";
import { listDirectories, readFileAt, writeValues } from "../files.ts";
import type { CgroupWrite } from "../write.ts";

const runtimeFile = "cpu.rt_runtime_us";
const periodFile = "cpu.rt_period_us";
const usualPeriodUs = 1_000_000;

/**
 * KERNEL: a cgroup has no more real-time than the one above it, and a new one has none. Gives each of these
 * directories, from the topmost down, as much as those below it have and one of them is about to be given.
 */
export function lendRealtime(directories: readonly Fd[], name: string, writes: readonly CgroupWrite[]): void {
  const asked = writes.find(({ file }) => file === runtimeFile);
  const parent = directories.at(-1);
  if (asked === undefined || parent === undefined) return;
  const before = shareOf(parent, name);
  const period = Number(writes.find(({ file }) => file === periodFile)?.value ?? before.periodUs);
  const more = Number(asked.value) / period - before.share;
  if (more <= 0) return;
  for (const directory of directories) {
    const { share, periodUs } = shareOf(directory, ".");
    const below = listDirectories(directory).reduce((sum, child) => sum + shareOf(directory, child).share, 0);
    if (share >= below + more) continue;
    writeValues(directory, runtimeFile, [String(Math.ceil((below + more) * periodUs))]);
  }
}

function shareOf(directory: Fd, name: string): { readonly share: number; readonly periodUs: number } {
  const periodUs = findNumber(readFileAt(directory, `${name}/${periodFile}`)) ?? usualPeriodUs;
  const runtimeUs = findNumber(readFileAt(directory, `${name}/${runtimeFile}`)) ?? 0;
  return { share: Math.max(0, runtimeUs) / periodUs, periodUs };
}
