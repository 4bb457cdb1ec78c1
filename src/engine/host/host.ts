import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { capabilitiesOfMask } from "../../linux/process/capability.ts";
import { readResourceLimit } from "../../linux/process/rlimit.ts";
import { bootId } from "../../linux/process/process.ts";
import type { HostPart } from "../dependencies.ts";
import { hasAppArmor, loadAppArmorProfile } from "./app-armor.ts";
import { findBlockDevice, findHostDevices, listHostDevices } from "./devices.ts";

function describeCeilings(): NonNullable<HostPart["ceilings"]> {
  const score = Number(readFileSync("/proc/self/oom_score_adj", "latin1"));
  return { oomScoreAdj: score, limitOf: readResourceLimit };
}

/** This machine. */
export function describeHost(): HostPart {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  const capabilities = new Set(capabilitiesOfMask(BigInt(`0x${bounding}`)));
  return {
    hostname: hostname(),
    capabilities,
    ceilings: capabilities.has("CAP_SYS_RESOURCE") ? undefined : describeCeilings(),
    bootId: bootId(),
    readText: (path) => {
      try {
        return readFileSync(path, "utf8");
      } catch {
        return "";
      }
    },
    hasAppArmor: hasAppArmor(),
    hasSelinux: existsSync("/sys/fs/selinux/enforce"),
    loadAppArmorProfile,
    listDevices: () => listHostDevices(),
    findDevices: findHostDevices,
    findBlockDevice,
  };
}
