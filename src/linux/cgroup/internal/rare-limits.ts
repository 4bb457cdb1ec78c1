import { mergeDefined } from "../../../base/defined.ts";
import type { CgroupLimits } from "../../../model/limits.ts";
import { Failure } from "../../../base/failure.ts";
import { type CgroupLayout, findController, hasControlFile } from "../layout.ts";
import { effectiveBlockIo } from "./block-io.ts";
import type { EffectiveLimits } from "./limits.ts";

interface Effective {
  readonly limits: EffectiveLimits;
  readonly warnings: readonly string[];
}

/** Rare limits; each is validated only when it is set. Pure. */
export function effectiveRareLimits(limits: CgroupLimits, layout: CgroupLayout): Effective {
  const { memorySwappiness, kernelTcpBytes, blockIo, hugePages, unified } = limits;
  const swappiness = memorySwappiness === undefined ? nothing : effectiveSwappiness(memorySwappiness, layout);
  const tcp = kernelTcpBytes === undefined ? nothing : effectiveKernelTcp(kernelTcpBytes, layout);
  const io = blockIo === undefined ? undefined : effectiveBlockIo(blockIo, layout);
  return {
    limits: mergeDefined<Effective["limits"]>(
      swappiness.limits,
      tcp.limits,
      effectiveRealtime(limits, layout),
      {
        blockIo: io?.limits,
        hugePageFiles: hugePages && checkHugePages(hugePages, layout),
        unified: unified && checkUnified(unified, layout),
      },
    ),
    warnings: [...swappiness.warnings, ...tcp.warnings, ...(io?.warnings ?? [])],
  };
}

const nothing: Effective = { limits: {}, warnings: [] };

function effectiveSwappiness(value: number, layout: CgroupLayout): Effective {
  if (!Number.isSafeInteger(value) || value < 0 || value > 100) {
    throw refuse(
      `cannot set the memory swappiness: Invalid value: ${value}, valid memory swappiness range is 0-100`,
    );
  }
  if (findController(layout, "memory")?.version === 1)
    return { limits: { memorySwappiness: value }, warnings: [] };
  const warning =
    "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.";
  return { limits: {}, warnings: [warning] };
}

function effectiveKernelTcp(bytes: number, layout: CgroupLayout): Effective {
  if (!Number.isSafeInteger(bytes) || bytes < -1) {
    throw refuse(`cannot limit the memory of TCP: Invalid value: ${bytes}`);
  }
  const file = "memory.kmem.tcp.limit_in_bytes";
  if (findController(layout, "memory")?.version === 1 && hasControlFile(layout, "memory", file))
    return { limits: { kernelTcpBytes: bytes }, warnings: [] };
  const warning =
    "Your kernel does not support kernel memory TCP limit capabilities or the cgroup is not mounted. Limitation discarded.";
  return { limits: {}, warnings: [warning] };
}

function effectiveRealtime(
  { cpuRealtimePeriodUs: period = 0, cpuRealtimeRuntimeUs: runtime = 0 }: CgroupLimits,
  layout: CgroupLayout,
): EffectiveLimits {
  if (period === 0 && runtime === 0) return {};
  for (const value of [period, runtime]) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw refuse(`cannot set the CPU real-time limits: Invalid value: ${value}`);
    }
  }
  const isThere =
    findController(layout, "cpu")?.version === 1 && hasControlFile(layout, "cpu", "cpu.rt_runtime_us");
  if (!isThere) {
    throw refuse("cannot set the CPU real-time limits: kernel does not support CPU real-time scheduler");
  }
  if (period !== 0 && runtime > period) {
    throw refuse(
      "cannot set the CPU real-time limits: cpu real-time runtime cannot be higher than cpu real-time period",
    );
  }
  return {
    cpuRealtimePeriodUs: period === 0 ? undefined : period,
    cpuRealtimeRuntimeUs: runtime === 0 ? undefined : runtime,
  };
}

/** Those in use, and those reserved by mmap(2) (since Linux 5.7), which would kill by SIGBUS later. */
function checkHugePages(
  hugePages: Readonly<Record<string, number>>,
  layout: CgroupLayout,
): NonNullable<EffectiveLimits["hugePageFiles"]> {
  const hierarchy = findController(layout, "hugetlb");
  if (hierarchy === undefined) {
    throw refuse("cannot limit huge pages: your kernel does not support it or the cgroup is not mounted");
  }
  return Object.entries(hugePages).flatMap(([size, bytes]) => {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw refuse(`cannot limit huge pages of ${size.slice(0, 20)}: Invalid value: ${bytes}`);
    }
    const { hugePageSizes: sizes = [size] } = layout;
    if (!/^\d+[KMG]B$/.test(size) || !sizes.includes(size)) {
      throw refuse(
        `cannot limit huge pages of "${size.slice(0, 20)}": this kernel has ${sizes.join(", ") || "none"}`,
      );
    }
    const names = hierarchy.version === 1 ? ["limit_in_bytes", "rsvd.limit_in_bytes"] : ["max", "rsvd.max"];
    return names.map((name) => ({ file: `hugetlb.${size}.${name}`, bytes }));
  });
}

/** A file of a controller that v2 has here; those of the core (`cgroup.…`) are the engine's own. */
function checkUnified(
  unified: Readonly<Record<string, string>>,
  { v2 }: CgroupLayout,
): Readonly<Record<string, string>> {
  for (const [file, value] of Object.entries(unified)) {
    const shown = JSON.stringify(file.slice(0, 100));
    const controller = /^([a-z]+)(?:\.[A-Za-z0-9_]+){1,4}$/.exec(file)?.[1];
    if (controller === undefined || file.length > 100)
      throw refuse(`cannot set cgroup file ${shown}: no such file`);
    if (controller === "cgroup") throw refuse(`cannot set cgroup file ${shown}: it is the engine's own`);
    if (v2?.controllers.includes(controller) !== true) {
      throw refuse(`cannot set cgroup file ${shown}: this host has no ${controller} controller in cgroup v2`);
    }
    if (value === "" || value.length > 4096 || value.includes("\0")) {
      throw refuse(`cannot set cgroup file ${shown}: invalid value ${JSON.stringify(value.slice(0, 100))}`);
    }
  }
  return unified;
}

function refuse(sentence: string): Failure {
  return new Failure("invalid", sentence);
}
