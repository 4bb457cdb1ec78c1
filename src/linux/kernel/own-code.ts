import { readFileSync, readlinkSync } from "node:fs";
import { call } from "./syscall.ts";

const MADV_DONTNEED = 4; // madvise(2)

interface Mapping {
  readonly address: bigint;
  readonly bytes: number;
}

/**
 * Lets go of this program's code and constants, which count as its resident memory as long as they are mapped, and are
 * mapped again, up to 2 MB at once, where it goes on. The file stays in the kernel's cache as before. Fails as
 * madvise(2) and procfs do.
 */
export function releaseOwnCode(): void {
  const executable = readlinkSync("/proc/self/exe");
  for (const { address, bytes } of findCode(readFileSync("/proc/self/smaps", "utf8"), executable))
    call("madvise", address, bytes, MADV_DONTNEED);
}

/**
 * Where the executable's code and constants are mapped, by proc_pid_smaps(5). Pure. SAFETY: not where a page was ever
 * written to (as the loader does before it takes the right away), in memory or swapped out: that would be lost.
 */
export function findCode(smaps: string, executable: string): readonly Mapping[] {
  return smaps.split(/^(?=[\da-f]+-[\da-f]+ )/m).flatMap((mapping) => {
    const [, from, to, path] = /^([\da-f]+)-([\da-f]+) r-[x-]p \S+ \S+ [1-9]\d* +(.*)$/m.exec(mapping) ?? [];
    const isAsInFile = ["Anonymous", "Swap"].every((what) =>
      new RegExp(`^${what}: +0 kB$`, "m").test(mapping),
    );
    if (path !== executable || !isAsInFile) return [];
    const address = BigInt(`0x${from}`);
    return [{ address, bytes: Number(BigInt(`0x${to}`) - address) }];
  });
}
