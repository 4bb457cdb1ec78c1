import { readdirSync } from "node:fs";

let sizes: readonly string[] | undefined;

/** The sizes of huge pages that this kernel has, as cgroup files name them: `2MB`, `1GB`. Read once. */
export function listHugePageSizes(): readonly string[] {
  sizes ??= readSizes();
  return sizes;
}

function readSizes(): readonly string[] {
  try {
    return readdirSync("/sys/kernel/mm/hugepages").flatMap((name) => {
      const kib = /^hugepages-(\d+)kB$/.exec(name)?.[1];
      return kib === undefined ? [] : [formatHugePageSize(Number(kib))];
    });
  } catch {
    return []; // a kernel without them
  }
}

/** `2048` is `2MB`. */
export function formatHugePageSize(kib: number): string {
  if (kib >= 1024 * 1024) return `${kib / (1024 * 1024)}GB`;
  return kib >= 1024 ? `${kib / 1024}MB` : `${kib}KB`;
}
