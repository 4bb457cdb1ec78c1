import { network } from "../../builtin-modules.ts";

/** Whether the text is an IP address. */
export function isAddress(text: string): boolean {
  return network().isIP(text) !== 0;
}
