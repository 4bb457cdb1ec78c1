import type { BlockDeviceLimits, BlockDeviceRates, BlockIoLimits } from "../../../model/limits.ts";
import { Failure } from "../../../base/failure.ts";
import { type CgroupLayout, findController, hasControlFile } from "../layout.ts";
import type { CgroupWrite } from "./write.ts";

/** Which files weights go to: bfq and iocost each look at their own, and either may be what a disk is scheduled by. */
export interface EffectiveBlockIo extends BlockIoLimits {
  readonly weightFiles: readonly string[];
}

interface Rate {
  readonly name: Exclude<keyof BlockDeviceRates, "weight">;
  readonly v1: string;
  readonly v2: string;
  readonly warning: string;
}

const rates: readonly Rate[] = (
  [
    ["readBps", "read_bps", "rbps", "BPS Block I/O read limit", "Block I/O BPS read limit"],
    ["writeBps", "write_bps", "wbps", "BPS Block I/O write limit", "Block I/O BPS write limit"],
    ["readIops", "read_iops", "riops", "IOPS Block read limit", "Block I/O IOPS read limit"],
    ["writeIops", "write_iops", "wiops", "IOPS Block write limit", "Block I/O IOPS write limit"],
  ] as const
).map(([name, v1, v2, what, limit]) => ({
  name,
  v1: `blkio.throttle.${v1}_device`,
  v2,
  warning: `Your kernel does not support ${what} or the cgroup is not mounted. ${limit} discarded.`,
}));

const weightFiles = {
  1: ["blkio.weight", "blkio.bfq.weight"],
  2: ["io.weight", "io.bfq.weight"],
} as const;

/** The part of it that this host supports. Pure. Throws "invalid" for impossible values, in Docker's words. */
export function effectiveBlockIo(
  limits: BlockIoLimits,
  layout: CgroupLayout,
): { readonly limits: EffectiveBlockIo; readonly warnings: readonly string[] } {
  const { weight = 0, devices = [] } = limits;
  checkWeight(weight);
  for (const device of devices) checkDevice(device);
  const version = findController(layout, "blkio") === undefined ? 2 : 1;
  const has = (file: string): boolean => hasControlFile(layout, version === 1 ? "blkio" : "io", file);
  const files = weightFiles[version].filter(has);
  const warnings: string[] = [];
  if (weight > 0 && files.length === 0) {
    warnings.push(
      "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
    );
  }
  const weighsDevices = version === 2 ? files.length > 0 : files.some((file) => has(`${file}_device`));
  if (!weighsDevices && devices.some((device) => (device.weight ?? 0) > 0)) {
    warnings.push(
      "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.",
    );
  }
  const kept = rates.filter((rate) => has(version === 1 ? rate.v1 : "io.max"));
  for (const rate of rates) {
    const isAsked = devices.some((device) => (device[rate.name] ?? 0) > 0);
    if (isAsked && !kept.includes(rate)) warnings.push(rate.warning);
  }
  return {
    limits: {
      weightFiles: files,
      weight: weight > 0 && files.length > 0 ? weight : undefined,
      devices: devices.map(({ major, minor, weight: own, ...others }) => ({
        major,
        minor,
        weight: own !== undefined && own > 0 && weighsDevices ? own : undefined,
        ...Object.fromEntries(kept.flatMap(({ name }) => (others[name] ? [[name, others[name]]] : []))),
      })),
    },
    warnings,
  };
}

function checkWeight(weight: number): void {
  if (weight === 0) return;
  if (!Number.isSafeInteger(weight) || weight < 10 || weight > 1000) {
    throw new Failure("invalid", "cannot set the block I/O weight: Range of blkio weight is from 10 to 1000");
  }
}

function checkDevice({ major, minor, weight = 0, ...others }: BlockDeviceLimits): void {
  checkWeight(weight);
  for (const rate of Object.values(others)) {
    if (rate === undefined || (Number.isSafeInteger(rate) && rate >= 0)) continue;
    throw new Failure("invalid", `cannot limit block device ${major}:${minor}: invalid rate ${rate}`);
  }
}

/** SPEC: Documentation/admin-guide/cgroup-v1/blkio-controller.rst */
export function listV1BlockIo({ weight, weightFiles: files, devices = [] }: EffectiveBlockIo): CgroupWrite[] {
  return [
    ...(weight === undefined ? [] : files.map((file) => ({ file, value: String(weight) }))),
    ...devices.flatMap((device) => {
      const key = `${device.major}:${device.minor}`;
      const own = device.weight === undefined ? [] : files;
      return [
        ...own.map((file) => ({ file: `${file}_device`, value: `${key} ${device.weight}`, key })),
        ...rates.flatMap(({ name, v1 }) =>
          device[name] === undefined ? [] : [{ file: v1, value: `${key} ${device[name]}`, key }],
        ),
      ];
    }),
  ];
}

/** SPEC: Documentation/admin-guide/cgroup-v2.rst */
export function listV2BlockIo({ weight, weightFiles: files, devices = [] }: EffectiveBlockIo): CgroupWrite[] {
  const weightOf = (file: string, value: number): number =>
    file === "io.weight" ? scaleWeight(value) : value;
  return [
    ...(weight === undefined
      ? []
      : files.map((file) => ({ file, value: `default ${weightOf(file, weight)}`, key: "default" }))),
    ...devices.flatMap((device) => {
      const key = `${device.major}:${device.minor}`;
      const { weight: own } = device;
      const limits = rates.flatMap(({ name, v2 }) =>
        device[name] === undefined ? [] : [`${v2}=${device[name]}`],
      );
      return [
        ...(own === undefined
          ? []
          : files.map((file) => ({ file, value: `${key} ${weightOf(file, own)}`, key }))),
        ...(limits.length === 0 ? [] : [{ file: "io.max", value: `${key} ${limits.join(" ")}`, key }]),
      ];
    }),
  ];
}

/** Weights of Docker go from 10 to 1000, those of v2 from 1 to 10000: the line that runc draws. */
function scaleWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}
