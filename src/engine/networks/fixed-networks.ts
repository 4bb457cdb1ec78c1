import type { NetworkRecord } from "../state/records.ts";
import { parseNetworkId } from "../../model/ids.ts";

/** The network of containers without a network option. */
export const defaultNetwork = "bridge";

/** As Docker writes "never": the year 1. */
export const neverMade = -62_135_596_800_000;

/** Their ids are fixed: they name a mode, not a thing. */
export const fixedNetworks: readonly NetworkRecord[] = [
  { name: "host", driver: "host", id: "68" },
  { name: "none", driver: "null", id: "6e" },
].map(({ name, driver, id }) => ({
  id: parseNetworkId(id.padEnd(64, "0")),
  name,
  createdAt: neverMade,
  driver,
  attachable: false,
  configOnly: false,
  configFrom: "",
  ipam: { driver: "default", options: {}, subnets: [] },
  options: {},
  labels: {},
  ipv4: true,
  ipv6: false,
  internal: false,
}));

/** Every network has one of these drivers. */
export const networkDrivers: readonly string[] = ["bridge", "host", "ipvlan", "macvlan", "null"];

/** Whether a network is predefined: it always exists and cannot be removed. */
export function isPredefined(name: string): boolean {
  return name === defaultNetwork || fixedNetworks.some((network) => network.name === name);
}
