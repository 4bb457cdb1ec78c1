import type { EndpointSettings } from "../../api/types/network.ts";
import type { Command } from "../command.ts";
import { optionFailure } from "../flags/flag.ts";
import { bool, int, list, string } from "../flags/kinds.ts";

interface Values {
  readonly alias: readonly string[];
  readonly "driver-opt": readonly string[];
  readonly "gw-priority": number | undefined;
  readonly ip: string;
  readonly ip6: string;
  readonly link: readonly string[];
  readonly "link-local-ip": readonly string[];
}

export const networkConnect: Command<Values> = {
  usage: "[OPTIONS] NETWORK CONTAINER",
  takes: [2, 2],
  flags: {
    alias: list("Add network-scoped alias for the container"),
    "driver-opt": list("driver options for the network"),
    "gw-priority": int(
      "Highest gw-priority provides the default gateway. Accepts positive and negative values",
    ),
    ip: string('IPv4 address (e.g., "172.30.100.104")'),
    ip6: string('IPv6 address (e.g., "2001:db8::33")'),
    link: list("Add link to another container"),
    "link-local-ip": list("Add a link-local address for the container"),
  },
  completes: ["network", "container"],
  examples: [
    "tare network connect --alias db backend postgres",
    "tare network connect --ip 10.5.0.9 lan web",
  ],
  async run(call) {
    const [network = "", container = ""] = call.positional;
    const client = await call.client();
    await client.networks.connect(network, container, toSettings(call.values));
    return 0;
  },
};

interface DisconnectValues {
  readonly force: boolean;
}

export const networkDisconnect: Command<DisconnectValues> = {
  usage: "[OPTIONS] NETWORK CONTAINER",
  takes: [2, 2],
  flags: { force: bool("Force the container to disconnect from a network", { short: "f" }) },
  completes: ["network", "container"],
  examples: ["tare network disconnect backend web"],
  async run(call) {
    const [network = "", container = ""] = call.positional;
    const client = await call.client();
    await client.networks.disconnect(network, container, { force: call.values.force });
    return 0;
  },
};

function toSettings(values: Values): EndpointSettings {
  const { alias, ip, ip6, link, "link-local-ip": linkLocal, "gw-priority": priority } = values;
  const options = values["driver-opt"].map((text) => {
    const at = text.indexOf("=");
    if (at < 0) throw optionFailure("invalid key/value pair format in driver options");
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  return {
    IPAMConfig: {
      IPv4Address: ip || undefined,
      IPv6Address: ip6 || undefined,
      LinkLocalIPs: linkLocal.length === 0 ? undefined : linkLocal,
    },
    Links: link.length === 0 ? undefined : link,
    Aliases: alias.length === 0 ? undefined : alias,
    DriverOpts: options.length === 0 ? undefined : Object.fromEntries(options),
    GwPriority: priority,
  };
}
