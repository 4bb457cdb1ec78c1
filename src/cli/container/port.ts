import type { PortBinding } from "../../api/types/host-config.ts";
import { parsePortNumbers } from "../../spec/port-range.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { findReach, isReachShown, reachOfPort } from "../format/reach.ts";

export const port: Command<object> = {
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  takes: [1, 2],
  flags: {},
  completes: ["running", "none"],
  examples: ["tare port web", "tare port web 80/tcp"],
  async run(call) {
    const [container = "", asked] = call.positional;
    const client = await call.client();
    const { Id, NetworkSettings } = await client.containers.inspect(container);
    const lines =
      asked === undefined
        ? listAll(NetworkSettings.Ports)
        : listOne(NetworkSettings.Ports, { container, asked });
    const rows =
      lines.length > 0 && isReachShown(call.context.stdout) ? await findReach(client, call.signal) : [];
    const reach = ({ inner, outer }: Line): string => {
      const text = reachOfPort(rows, { container: Id, type: inner.split("/")[1] ?? "", outer });
      return text === undefined ? "" : `  (${text})`;
    };
    call.out(lines.map((line) => `${line.text}${reach(line)}\n`).join(""));
    return 0;
  },
};

type Ports = Readonly<Record<string, readonly PortBinding[] | null>>;

interface Line {
  readonly text: string;
  /** `80/tcp` */
  readonly inner: string;
  readonly outer: number;
}

function listAll(ports: Ports): readonly Line[] {
  const lines = Object.entries(ports).flatMap(([inner, bindings]) =>
    (bindings ?? []).map((binding) => ({
      text: `${inner} -> ${formatBinding(binding)}`,
      inner,
      outer: Number(binding.HostPort),
    })),
  );
  return lines.sort((one, other) => compareNaturally(one.text, other.text));
}

/** As Docker's client: numbers by their value, and before all other characters. */
function compareNaturally(one: string, other: string): number {
  const partsOf = (text: string): readonly string[] => text.match(/\d+|\D/g) ?? [];
  const others = partsOf(other);
  for (const [at, part] of partsOf(one).entries()) {
    const against = others[at] ?? "";
    if (part === against) continue;
    const [isNumber, isOther] = [/\d/.test(part), /\d/.test(against)];
    if (against !== "" && isNumber !== isOther) return isNumber ? -1 : 1;
    return isNumber && isOther ? Number(part) - Number(against) : part < against ? -1 : 1;
  }
  return one.length - other.length;
}

function listOne(
  ports: Ports,
  { container, asked }: { readonly container: string; readonly asked: string },
): readonly Line[] {
  const [number = "", protocol = "tcp"] = /^(\d+)(?:\/(\w+))?$/.exec(asked)?.slice(1) ?? [];
  const port = parsePortNumbers(number)?.first;
  if (port === undefined) throw new Failure("invalid", `Error: invalid port '${asked}'`);
  const inner = `${port}/${protocol}`;
  const bindings = ports[inner] ?? [];
  if (bindings.length === 0) {
    throw new Failure("not-found", `Error: No public port '${asked}' published for ${container}`);
  }
  return bindings.map((binding) => ({
    text: formatBinding(binding),
    inner,
    outer: Number(binding.HostPort),
  }));
}

function formatBinding({ HostIp: ip = "", HostPort }: PortBinding): string {
  return ip.includes(":") ? `[${ip}]:${HostPort}` : `${ip}:${HostPort}`;
}
