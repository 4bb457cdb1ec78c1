import { requireFilterKeys } from "../../api/http/filters.ts";
import {
  parseConnectRequest,
  parseDisconnectRequest,
  parseNetworkRequest,
} from "../../api/network/network-request.ts";
import type { Network } from "../../api/types/network.ts";
import type { Call, Handlers } from "../handler.ts";
import { networkStatusOf } from "../map/network-status.ts";
import { networkOf } from "../map/network.ts";

/** Of a list since 1.52; before, the field was there and empty. */
function withoutContainers(network: Network): Omit<Network, "Containers"> {
  const { Containers: _, ...rest } = network;
  return rest;
}

export const handlers: Handlers = {
  "networks.list": async ({ engine, version, query, reply }: Call) => {
    const found = await engine.networks.list({ filters: query.filters() });
    const networks = found.map((network) => networkOf(network, { hasContainers: false }));
    reply.json(200, version < 1052 ? networks : networks.map(withoutContainers));
  },

  "networks.create": async ({ engine, body, reply }: Call) => {
    const { id, warnings } = await engine.networks.create(parseNetworkRequest(body));
    reply.json(201, { Id: id, Warning: warnings.join("\n") });
  },

  "networks.inspect": async ({ engine, version, params, reply }: Call) => {
    const found = await engine.networks.inspect(params["id"] ?? "");
    const network = networkOf(found);
    reply.json(200, version >= 1052 ? { ...network, Status: networkStatusOf(found) } : network);
  },

  "networks.remove": async ({ engine, params, reply }: Call) => {
    await engine.networks.remove(params["id"] ?? "");
    reply.empty(204);
  },

  "networks.connect": async ({ engine, version, params, body, reply }: Call) => {
    const { container, settings } = parseConnectRequest(body);
    // SPEC: dockerd ignored the address before 1.54.
    const asked = version < 1054 ? { ...settings, macAddress: undefined } : settings;
    await engine.networks.connect(params["id"] ?? "", container, asked);
    reply.empty(200);
  },

  "networks.disconnect": async ({ engine, params, body, reply }: Call) => {
    const { container, force } = parseDisconnectRequest(body);
    await engine.networks.disconnect(params["id"] ?? "", container, { force });
    reply.empty(200);
  },

  "networks.prune": async ({ engine, query, reply }: Call) => {
    const filters = query.filters();
    requireFilterKeys(filters, ["label", "label!", "until"]);
    const removed = await engine.networks.prune({ filters });
    reply.json(200, { NetworksDeleted: removed.length === 0 ? null : removed });
  },
};
