import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { capabilitiesOfMask } from "../../linux/capability.ts";
import { bootId } from "../../linux/process.ts";
import type { HostPart } from "../parts.ts";
import { hasAppArmor, loadAppArmorProfile } from "./app-armor.ts";
import { findBlockDevice, findHostDevices, listHostDevices } from "./devices.ts";

/** This machine. */
export function describeHost(): HostPart {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  return {
    hostname: hostname(),
    capabilities: new Set(capabilitiesOfMask(BigInt(`0x${bounding}`))),
    bootId: bootId(),
    readText: (path) => {
      try {
        return readFileSync(path, "utf8");
      } catch {
        return "";
      }
    },
    hasAppArmor: hasAppArmor(),
    loadAppArmorProfile,
    listDevices: () => listHostDevices(),
    findDevices: findHostDevices,
    findBlockDevice,
  };
}
