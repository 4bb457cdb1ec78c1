import type { ContainerSpec } from "../types.ts";
import type { PortProtocol, PortSpec } from "../network-types.ts";

/** All that the container and its image name, as `80/tcp`; ranges as they are. */
export function exposedPortsOf(spec: ContainerSpec, image: readonly string[]): readonly string[] {
  const named = [...image, ...(spec.exposedPorts ?? [])].map((text) =>
    text.includes("/") ? text : `${text}/tcp`,
  );
  const published = (spec.ports ?? []).map(({ protocol = "tcp", containerPort, count = 1 }) =>
    count === 1
      ? `${containerPort}/${protocol}`
      : `${containerPort}-${containerPort + count - 1}/${protocol}`,
  );
  return [...new Set([...named, ...published])];
}

/** A run of ports. */
export interface PortRun {
  readonly protocol: PortProtocol;
  readonly first: number;
  readonly last: number;
}

/** Undefined for what is no port: an image may say anything. */
export function parsePortRun(text: string): PortRun | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?\/(tcp|udp|sctp)$/i.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (first < 1 || last < first || last > 65_535) return undefined;
  return { protocol: (match[3] as string).toLowerCase() as PortProtocol, first, last };
}

/** What is to be published: what was asked for and, with publishAll, the exposed ports that were not. */
export function portsToPublish(spec: ContainerSpec, image: readonly string[]): readonly PortSpec[] {
  const asked = spec.ports ?? [];
  if (spec.publishAll !== true) return asked;
  const isAsked = (protocol: PortProtocol, port: number): boolean =>
    asked.some(
      ({ protocol: other = "tcp", containerPort, count = 1 }) =>
        other === protocol && port >= containerPort && port < containerPort + count,
    );
  const rest = exposedPortsOf(spec, image).flatMap((text) => {
    const run = parsePortRun(text);
    if (run === undefined) return [];
    const ports = Array.from({ length: run.last - run.first + 1 }, (_, at) => run.first + at);
    return ports
      .filter((port) => !isAsked(run.protocol, port))
      .map((containerPort): PortSpec => ({ protocol: run.protocol, containerPort }));
  });
  return [...asked, ...rest];
}
