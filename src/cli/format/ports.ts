import type { Port } from "../../api/types/container.ts";

/** Ports as Docker lists them: neighbours joined to ranges, then those whose number changes on the host. */
export function formatPorts(ports: readonly Port[]): string {
  const ranges: { readonly ip: string; readonly type: string; first: number; last: number }[] = [];
  const mappings: string[] = [];
  for (const { IP: ip = "", PrivatePort: inner, PublicPort: outer, Type: type } of [...ports].sort(byPort)) {
    if (ip !== "" && outer !== inner) {
      mappings.push(`${ip}:${outer}->${inner}/${type}`);
      continue;
    }
    const range = ranges.findLast((candidate) => candidate.ip === ip && candidate.type === type);
    if (range?.last === inner - 1) range.last = inner;
    else if (range?.last !== inner) ranges.push({ ip, type, first: inner, last: inner });
  }
  const texts = ranges.map(({ ip, type, first, last }) => {
    const numbers = first === last ? `${first}` : `${first}-${last}`;
    return `${ip === "" ? "" : `${ip}:${numbers}->`}${numbers}/${type}`;
  });
  return [...texts, ...mappings].join(", ");
}

function byPort(a: Port, b: Port): number {
  return a.PrivatePort - b.PrivatePort || compareText(a.IP ?? "", b.IP ?? "") || compareText(a.Type, b.Type);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
