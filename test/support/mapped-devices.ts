import { readdirSync, readFileSync } from "node:fs";
import { sentenceOf } from "../../src/base/failure.ts";
import { openDeviceMapper } from "../../src/linux/device-mapper/device-mapper.ts";
import { DeviceNodes } from "../../src/linux/device-mapper/device-nodes.ts";
import { poll } from "./patience.ts";

/** Why there can be no thin pools on this kernel; undefined: there can. */
export function whyNoThinPools(): string | undefined {
  using nodes = new DeviceNodes();
  try {
    openDeviceMapper(nodes, { target: "thin-pool" })[Symbol.dispose]();
    return undefined;
  } catch (thrown) {
    return sentenceOf(thrown);
  }
}

/** Our mapped devices, and the loop devices of pools' files. */
export function listPoolDevices(): readonly string[] {
  return readdirSync("/sys/block")
    .flatMap((block) => {
      const read = (name: string): string => {
        try {
          return readFileSync(`/sys/block/${block}/${name}`, "utf8").trim();
        } catch {
          return "";
        }
      };
      const mapped = read("dm/name");
      const file = read("loop/backing_file");
      return [
        ...(mapped.startsWith("tare-") ? [mapped] : []),
        ...(/\/devicemapper\/pool\/(data|metadata)/.test(file) ? [file] : []),
      ];
    })
    .toSorted();
}

/** Waits until no such device exists; any process may remove it. */
export async function expectNoPoolDevices(): Promise<void> {
  let left: readonly string[] = [];
  await poll(() => ((left = listPoolDevices()).length === 0 ? true : undefined), {
    everyMs: 20,
    timeoutMs: 5_000,
    what: "see no device left",
  }).catch((cause: unknown) => {
    throw new Error(`devices are left:\n  ${left.join("\n  ")}`, { cause });
  });
}
