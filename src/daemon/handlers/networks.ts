import { hasLabel, requireFilterKeys } from "../../api/filters.ts";
import type { Network } from "../../api/types/network.ts";
import { Failure } from "../../base/failure.ts";
import type { Call, Handlers } from "../handler.ts";
import { fixedNetworks } from "../map/network.ts";

export const handlers: Handlers = {
  "networks.list": async ({ query, reply }: Call) => {
    const filters = query.filters();
    const matches = (network: Network): boolean =>
      Object.entries(filters).every(([key, values]) => values.some((value) => fits(network, key, value)));
    reply.json(200, fixedNetworks.filter(matches));
  },

  "networks.inspect": async ({ params, reply }: Call) => {
    const { id = "" } = params;
    const found =
      fixedNetworks.find(({ Name, Id }) => Name === id || Id === id) ??
      fixedNetworks.find(({ Id }) => /^[0-9a-f]{4,}$/.test(id) && Id.startsWith(id));
    if (found === undefined) throw new Failure("not-found", `cannot find network "${id}"`);
    reply.json(200, found);
  },

  // Those that there are belong to the engine and are never pruned.
  "networks.prune": async ({ query, reply }: Call) => {
    requireFilterKeys(query.filters(), ["label", "label!", "until"]);
    reply.json(200, { NetworksDeleted: null });
  },
};

function fits(network: Network, key: string, value: string): boolean {
  switch (key) {
    case "name":
      return network.Name.includes(value);
    case "id":
      return network.Id.startsWith(value);
    case "driver":
      return network.Driver === value;
    case "scope":
      return network.Scope === value;
    case "type":
      return value === "builtin";
    case "label":
      return hasLabel(network.Labels, value);
    case "dangling":
      return !["true", "1"].includes(value);
    default:
      throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
  }
}
