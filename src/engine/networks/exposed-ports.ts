import type { ContainerSpec } from "../../model/container-spec.ts";
import { mergePortRanges, subtractPortRanges } from "../../spec/merge-ports.ts";
import { parsePortRange, type PortRange } from "../../spec/port-range.ts";
import type { PortSpec } from "../../model/networks.ts";

/** All that the container and its image name, as `80/tcp`; ranges as they are. */
export function exposedPortsOf(spec: ContainerSpec, image: readonly string[]): readonly string[] {
  const named = [...image, ...(spec.network?.exposedPorts ?? [])].map((text) =>
    text.includes("/") ? text : `${text}/tcp`,
  );
  const published = (spec.network?.ports ?? []).map(({ protocol = "tcp", containerPort, count = 1 }) =>
    count === 1
      ? `${containerPort}/${protocol}`
      : `${containerPort}-${containerPort + count - 1}/${protocol}`,
  );
  return [...new Set([...named, ...published])];
}

/** The ports to publish: the requested ones and, with publishAll, all other exposed ports. */
export function portsToPublish(spec: ContainerSpec, image: readonly string[]): readonly PortSpec[] {
  const asked = spec.network?.ports ?? [];
  if (spec.network?.publishAll !== true) return asked;
  const runs = asked.map(({ protocol = "tcp", containerPort, count = 1 }): PortRange => {
    return { protocol, first: containerPort, last: containerPort + count - 1 };
  });
  const exposed = mergePortRanges(exposedPortsOf(spec, image).flatMap((text) => parsePortRange(text) ?? []));
  const rest = exposed
    .flatMap((run) => subtractPortRanges(run, runs))
    .map(({ protocol, first, last }): PortSpec => {
      const count = last - first + 1;
      return { protocol, containerPort: first, count: count === 1 ? undefined : count };
    });
  return [...asked, ...rest];
}
