import type { EndpointSettings } from "../../../../model/networks.ts";
import { Failure } from "../../../../base/failure.ts";

/** One `--network`: a network, and how the container is in it. */
export interface NetworkFlag extends EndpointSettings {
  readonly network: string;
}

/**
 * `NAME`, or `name=NAME,alias=WORD,ip=ADDRESS,driver-opt=KEY=VALUE,…` (one CSV record). Throws "invalid" in Docker's
 * words.
 */
export function parseNetworkFlag(text: string): NetworkFlag {
  if (text.trim() === "") throw new Failure("invalid", "no name set for network");
  // Most are a name: nothing is compiled to see that.
  const isName = !text.includes("=") && !text.includes(",");
  if (isName || !/^(?:name|alias|ip|ip6|mac-address|link-local-ip|driver-opt|gw-priority)=|,/.test(text)) {
    return { network: text.trim() };
  }
  let flag: NetworkFlag = { network: "" };
  for (const field of splitCsv(text)) {
    const at = field.indexOf("=");
    if (at < 0) throw new Failure("invalid", `invalid field ${field}: must be a key=value pair`);
    flag = withField(flag, field.slice(0, at).trim().toLowerCase(), field.slice(at + 1).trim());
  }
  if (flag.network === "") throw new Failure("invalid", "network name/id is not specified");
  return flag;
}

function withField(flag: NetworkFlag, key: string, value: string): NetworkFlag {
  switch (key) {
    case "name":
      return { ...flag, network: value };
    case "alias":
      return { ...flag, aliases: [...(flag.aliases ?? []), value] };
    case "ip":
      return { ...flag, ipv4: value };
    case "ip6":
      return { ...flag, ipv6: value };
    case "mac-address":
      return { ...flag, macAddress: value };
    case "link-local-ip":
      return { ...flag, linkLocal: [...(flag.linkLocal ?? []), value] };
    case "driver-opt": {
      const at = value.indexOf("=");
      if (at < 0) throw new Failure("invalid", "invalid key value pair format in driver options");
      const option = { [value.slice(0, at).trim()]: value.slice(at + 1).trim() };
      return { ...flag, driverOptions: { ...flag.driverOptions, ...option } };
    }
    case "gw-priority": {
      const priority = Number(value);
      if (!Number.isInteger(priority))
        throw new Failure("invalid", `invalid gw-priority: invalid value "${value}"`);
      return { ...flag, gatewayPriority: priority };
    }
    default:
      throw new Failure("invalid", `invalid field key ${key}`);
  }
}

/** Fields may be in quotes, with quotes in them doubled. */
function splitCsv(text: string): readonly string[] {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/gy;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null)
      throw new Failure("invalid", `cannot read "${text.slice(0, 200)}": a quote is not closed`);
    fields.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"'));
  }
  return fields;
}
