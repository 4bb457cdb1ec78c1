import { isDeviceAccess } from "../../../../api/container/device-fields.ts";
import type { DeviceMapping } from "../../../../api/types/host-config.ts";
import { Failure } from "../../../../base/failure.ts";
import { optionFailure } from "../../../flags/flag.ts";

/** One `--device HOST[:CONTAINER[:rwm]]`, in Docker's words where it is refused. */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(":");
  const [host = ""] = parts;
  if (text === "" || host === "" || parts.length > 3) throw optionFailure(`bad format for path: ${text}`);
  const [, second, third] = parts;
  const secondIsAccess = third === undefined && second !== undefined && isDeviceAccess(second);
  const access = third ?? (secondIsAccess ? second : "rwm");
  const inside = second === undefined || secondIsAccess ? host : second;
  if (!isDeviceAccess(access)) throw optionFailure(`bad mode specified: ${access}`);
  if (second !== undefined && !secondIsAccess && !inside.startsWith("/")) {
    throw optionFailure(`${inside} is not an absolute path`);
  }
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: access };
}

/** Gives back a rule of `--device-cgroup-rule`. */
export function checkDeviceRule(text: string): string {
  if (/^[acb] (?:\d+|\*):(?:\d+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw new Failure("invalid", `invalid device cgroup format '${text}'`);
}
