import { Failure } from "../base/failure.ts";
import { formatIpPrefix, type IpPrefix, parseIpPrefix } from "./ip-address.ts";

/** Subnets of `size` bits are cut out of `base`, in its order. */
export interface AddressPool {
  readonly base: IpPrefix;
  readonly size: number;
}

/** `base=10.10.0.0/16,size=24`. Throws Failure("invalid") with the form. */
export function parseAddressPool(text: string): AddressPool {
  const fields = new Map(
    text.split(",").map((field) => {
      const [name = "", value = ""] = field.trim().split("=");
      return [name.toLowerCase(), value] as const;
    }),
  );
  const base = readPrefix(fields.get("base") ?? "");
  const sizeText = fields.get("size") ?? "";
  if (fields.size !== 2 || base === undefined || !/^\d{1,3}$/.test(sizeText))
    throw new Failure("invalid", `invalid address pool "${text}": want base=10.10.0.0/16,size=24`);
  const size = Number(sizeText);
  const width = base.address.family === 4 ? 30 : 126;
  if (size < base.bits || size > width)
    throw new Failure(
      "invalid",
      `invalid address pool "${text}": its size must be from ${base.bits} to ${width}, so that subnets fit into ${formatIpPrefix(base)}`,
    );
  return { base, size };
}

function readPrefix(text: string): IpPrefix | undefined {
  try {
    return parseIpPrefix(text);
  } catch {
    return undefined;
  }
}
