import { formatIpAddress, type IpAddress } from "../../spec/ip-address.ts";
import type { PortRemoval } from "../../model/updates.ts";

interface AnyPorts {
  readonly protocol?: string | undefined;
  readonly hostAddress?: string | IpAddress | undefined;
  readonly hostPort?: number | undefined;
  readonly containerPort: number;
  readonly count?: number | undefined;
}

/** The ports that are left, runs cut where something in their middle goes; and the wishes that met none. */
export function removePorts<P extends AnyPorts>(
  ports: readonly P[],
  wishes: readonly PortRemoval[],
): { readonly ports: readonly P[]; readonly missing: readonly PortRemoval[] } {
  let left = ports;
  const missing: PortRemoval[] = [];
  for (const wish of wishes) {
    let isFound = false;
    left = left.flatMap((run) => {
      const cut = cutRun(run, wish);
      isFound ||= cut !== undefined;
      return cut ?? [run];
    });
    if (!isFound) missing.push(wish);
  }
  return { ports: left, missing };
}

/** Undefined when the wish is about other ports. */
function cutRun<P extends AnyPorts>(run: P, wish: PortRemoval): readonly P[] | undefined {
  const { protocol = "tcp", hostPort, containerPort, count = 1 } = run;
  if (hostPort === undefined || (wish.protocol !== undefined && wish.protocol !== protocol)) return undefined;
  if (wish.hostAddress !== undefined && wish.hostAddress !== textOf(run.hostAddress)) return undefined;
  const first = Math.max(hostPort, wish.hostPort);
  const last = Math.min(hostPort + count, wish.hostPort + (wish.count ?? 1)) - 1;
  if (first > last) return undefined;
  const part = (from: number, to: number): readonly P[] =>
    from > to
      ? []
      : [{ ...run, hostPort: from, containerPort: containerPort + from - hostPort, count: to - from + 1 }];
  return [...part(hostPort, first - 1), ...part(last + 1, hostPort + count - 1)];
}

function textOf(address: string | IpAddress | undefined): string {
  if (address === undefined) return "0.0.0.0";
  return typeof address === "string" ? address : formatIpAddress(address);
}
