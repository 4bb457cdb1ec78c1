import type { HostConfig, ThrottleDevice } from "../../../api/types/host-config.ts";
import { parseByteSize } from "../../../base/byte-size.ts";
import { Failure } from "../../../base/failure.ts";
import type { TableOf } from "../../flags/flag.ts";
import { bool, bytes, int, list, map } from "../../flags/kinds.ts";
import { keepDefined } from "../run/keep-fields.ts";

/** What the flags say that few containers have: block I/O, real-time, huge pages, swapping. */
export interface ResourceValues {
  readonly "blkio-weight": number | undefined;
  readonly "blkio-weight-device": readonly string[];
  readonly "cgroup-conf": Readonly<Record<string, string>>;
  readonly "cpu-rt-period": number | undefined;
  readonly "cpu-rt-runtime": number | undefined;
  readonly "device-read-bps": readonly string[];
  readonly "device-read-iops": readonly string[];
  readonly "device-write-bps": readonly string[];
  readonly "device-write-iops": readonly string[];
  readonly "hugetlb-limit": Readonly<Record<string, string>>;
  readonly "kernel-memory": number | undefined;
  readonly "memory-reservation": number | undefined;
  readonly "memory-swappiness": number | undefined;
  readonly "oom-kill-disable": boolean;
}

const weight = {
  type: "uint16",
  initialText: "0",
} as const;

export const resourceFlags: TableOf<ResourceValues> = {
  "blkio-weight": int("Block IO (relative weight), between 10 and 1000, or 0 to disable", weight),
  "blkio-weight-device": list("Block IO weight (relative device weight)", {
    initialText: "[]",
    check: checkWeightDevice,
  }),
  "cgroup-conf": map("Set a file of the container's cgroup v2 (memory.high=1073741824) (Tare's own)"),
  "cpu-rt-period": int("Limit CPU real-time period in microseconds"),
  "cpu-rt-runtime": int("Limit CPU real-time runtime in microseconds"),
  "device-read-bps": list("Limit read rate (bytes per second) from a device", {
    initialText: "[]",
    check: checkBps,
  }),
  "device-read-iops": list("Limit read rate (IO per second) from a device", {
    initialText: "[]",
    check: checkIops,
  }),
  "device-write-bps": list("Limit write rate (bytes per second) to a device", {
    initialText: "[]",
    check: checkBps,
  }),
  "device-write-iops": list("Limit write rate (IO per second) to a device", {
    initialText: "[]",
    check: checkIops,
  }),
  "hugetlb-limit": map("Limit huge pages of a size (2MB=512m) (Tare's own)"),
  "kernel-memory": bytes("Kernel memory limit", { isHidden: true }),
  "memory-reservation": bytes("Memory soft limit"),
  "memory-swappiness": int("Tune container memory swappiness (0 to 100)", { initialText: "-1" }),
  "oom-kill-disable": bool("Disable OOM Killer"),
};

/** The fields of HostConfig that these flags ask for. A limit of kernel memory is taken and dropped, as Docker does. */
export function planResourceFlags(values: ResourceValues): HostConfig {
  return {
    ...planBlockIoFlags(values),
    ...keepDefined({
      BlkioDeviceReadIOps: parseAll(values["device-read-iops"], (text) => parseRate(text, Number)),
      BlkioDeviceWriteIOps: parseAll(values["device-write-iops"], (text) => parseRate(text, Number)),
      CpuRealtimePeriod: values["cpu-rt-period"],
      CpuRealtimeRuntime: values["cpu-rt-runtime"],
      MemoryReservation: values["memory-reservation"],
      MemorySwappiness: values["memory-swappiness"],
      OomKillDisable: values["oom-kill-disable"] ? true : undefined,
    }),
  };
}

/** Those that a pod has, too. */
export function planBlockIoFlags(
  values: Pick<
    ResourceValues,
    "blkio-weight" | "blkio-weight-device" | "device-read-bps" | "device-write-bps"
  >,
): HostConfig {
  return keepDefined({
    BlkioWeight: values["blkio-weight"],
    BlkioWeightDevice: parseAll(values["blkio-weight-device"], (text) => {
      const [path, own] = splitDevice(text);
      return { Path: path, Weight: Number(own) };
    }),
    BlkioDeviceReadBps: parseAll(values["device-read-bps"], (text) => parseRate(text, parseByteSize)),
    BlkioDeviceWriteBps: parseAll(values["device-write-bps"], (text) => parseRate(text, parseByteSize)),
  });
}

function parseAll<T>(texts: readonly string[], parse: (text: string) => T): readonly T[] | undefined {
  return texts.length === 0 ? undefined : texts.map((text) => parse(text));
}

function parseRate(text: string, parse: (rate: string) => number): ThrottleDevice {
  const [path, rate] = splitDevice(text);
  return { Path: path, Rate: parse(rate) };
}

/** `/dev/sda:1mb`, refused in Docker's words. */
function splitDevice(text: string): [path: string, value: string] {
  const at = text.indexOf(":");
  if (at <= 0 || at === text.length - 1) throw new Failure("invalid", `bad format: ${text}`);
  const path = text.slice(0, at);
  if (!path.startsWith("/dev/")) throw new Failure("invalid", `bad format for device path: ${text}`);
  return [path, text.slice(at + 1)];
}

function checkBps(text: string): string {
  const [, rate] = splitDevice(text);
  try {
    parseByteSize(rate);
  } catch (cause) {
    throw new Failure(
      "invalid",
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
      { cause },
    );
  }
  return text;
}

function checkIops(text: string): string {
  const [, rate] = splitDevice(text);
  if (/^\d{1,15}$/.test(rate)) return text;
  throw new Failure(
    "invalid",
    `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
  );
}

function checkWeightDevice(text: string): string {
  const [, own] = splitDevice(text);
  const number = /^\d{1,5}$/.test(own) ? Number(own) : -1;
  if (number === 0 || (number >= 10 && number <= 1000)) return text;
  throw new Failure("invalid", `invalid weight for device: ${text}`);
}
