import type { PortBinding } from "../../api/types/host-config.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";

export const port: Command<object> = {
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  takes: [1, 2],
  flags: {},
  completes: ["running", "none"],
  examples: ["tare port web", "tare port web 80/tcp"],
  async run(call) {
    const [container = "", asked] = call.positional;
    const client = await call.client();
    const { NetworkSettings } = await client.containers.inspect(container);
    const lines =
      asked === undefined
        ? listAll(NetworkSettings.Ports)
        : listOne(NetworkSettings.Ports, { container, asked });
    call.out(lines.map((line) => `${line}\n`).join(""));
    return 0;
  },
};

type Ports = Readonly<Record<string, readonly PortBinding[] | null>>;

function listAll(ports: Ports): readonly string[] {
  const lines = Object.entries(ports).flatMap(([name, bindings]) =>
    (bindings ?? []).map((binding) => `${name} -> ${formatBinding(binding)}`),
  );
  return lines.sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
}

function listOne(
  ports: Ports,
  { container, asked }: { readonly container: string; readonly asked: string },
): readonly string[] {
  const match = /^(\d{1,5})(?:\/(\w+))?$/.exec(asked);
  if (match === null || Number(match[1]) > 65_535)
    throw new Failure("invalid", `Error: invalid port '${asked}'`);
  const bindings = ports[`${Number(match[1])}/${match[2] ?? "tcp"}`] ?? [];
  if (bindings.length === 0) {
    throw new Failure("not-found", `Error: No public port '${asked}' published for ${container}`);
  }
  return bindings.map(formatBinding);
}

function formatBinding({ HostIp: ip = "", HostPort }: PortBinding): string {
  return ip.includes(":") ? `[${ip}]:${HostPort}` : `${ip}:${HostPort}`;
}
