import type { HostConfig, ThrottleDevice } from "../../../../api/types/host-config.ts";
import { parseByteSize } from "../../../../base/byte-size.ts";
import { Failure } from "../../../../base/failure.ts";

type WeightDevice = NonNullable<HostConfig["BlkioWeightDevice"]>[number];

/** `/dev/sda:1mb` */
export function parseBps(text: string): ThrottleDevice {
  return parseRate(text, parseByteSize);
}

/** `/dev/sda:1000` */
export function parseIops(text: string): ThrottleDevice {
  return parseRate(text, Number);
}

/** `/dev/sda:500` */
export function parseWeightDevice(text: string): WeightDevice {
  const [path, weight] = splitDevice(text);
  return { Path: path, Weight: Number(weight) };
}

/** Throws "invalid". */
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

export function checkBps(text: string): string {
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

export function checkIops(text: string): string {
  const [, rate] = splitDevice(text);
  if (/^\d{1,15}$/.test(rate)) return text;
  throw new Failure(
    "invalid",
    `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
  );
}

export function checkWeightDevice(text: string): string {
  const [, own] = splitDevice(text);
  const number = /^\d{1,5}$/.test(own) ? Number(own) : -1;
  if (number === 0 || (number >= 10 && number <= 1000)) return text;
  throw new Failure("invalid", `invalid weight for device: ${text}`);
}
