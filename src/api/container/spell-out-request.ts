import { spellOutPorts } from "../../spec/port-range.ts";
import type { HostConfig, PortBinding } from "../types/host-config.ts";

type Bindings = Readonly<Record<string, readonly PortBinding[] | null>>;

interface WithPorts {
  readonly ExposedPorts?: Readonly<Record<string, object>> | null | undefined;
  readonly HostConfig?: HostConfig | null | undefined;
}

/** As Docker's daemon, and ours of other builds, are sure to read it: an entry for each port. Ours reads ranges. */
export function spellOutRequest<R extends WithPorts>(request: R): R {
  const { ExposedPorts: exposed, HostConfig: host } = request;
  return {
    ...request,
    ExposedPorts: isNothing(exposed) ? exposed : spellOutKeys(exposed),
    HostConfig: isNothing(host) ? host : spellOutHostConfig(host),
  };
}

/** That of a request, or the body of an update. */
export function spellOutHostConfig(host: HostConfig): HostConfig {
  const { PortBindings: bindings, Tare: tare } = host;
  return {
    ...host,
    PortBindings: isNothing(bindings) ? bindings : spellOutBindings(bindings),
    Tare: isNothing(tare?.PublishAdd) ? tare : { ...tare, PublishAdd: spellOutBindings(tare.PublishAdd) },
  };
}

function spellOutKeys(exposed: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Object.keys(exposed)
      .flatMap(portsOf)
      .map((port) => [port, {}]),
  );
}

function spellOutBindings(bindings: Bindings): Bindings {
  const spelled: Record<string, PortBinding[]> = {};
  for (const [key, list] of Object.entries(bindings)) {
    const ports = portsOf(key);
    for (const [at, port] of ports.entries()) {
      const own = (spelled[port] ??= []);
      for (const binding of list ?? []) own.push(ports.length === 1 ? binding : nth(binding, at));
    }
  }
  return spelled;
}

/** Of a range that goes to a range of the same length, or to free ports. */
function nth({ HostPort = "", ...rest }: PortBinding, at: number): PortBinding {
  return { ...rest, HostPort: HostPort === "" ? "" : String(Number.parseInt(HostPort, 10) + at) };
}

/** The daemon refuses invalid values. */
function portsOf(key: string): readonly string[] {
  const ports = spellOutPorts(key);
  return ports.length <= 1 ? [key] : ports;
}

function isNothing(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}
