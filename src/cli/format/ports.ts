import type { Port } from "../../api/types/container.ts";

interface Range {
  readonly ip: string;
  readonly type: string;
  readonly first: number;
  last: number;
}

/** Lists ports as Docker does: adjacent ports joined to ranges, then the ports whose number differs on the host. */
export function formatPorts(ports: readonly Port[]): string {
  const done: Range[] = [];
  const growing = new Map<string, Range>();
  const mappings: string[] = [];
  for (const { IP: ip = "", PrivatePort: inner, PublicPort: outer, Type: type } of [...ports].sort(byPort)) {
    if (ip !== "" && outer !== inner) {
      mappings.push(`${ip}:${outer}->${inner}/${type}`);
      continue;
    }
    const key = ip === "" ? type : `${ip}/${type}`;
    const range = growing.get(key);
    if (range !== undefined && inner - range.last <= 1) {
      range.last = inner;
      continue;
    }
    if (range !== undefined) done.push(range);
    growing.set(key, { ip, type, first: inner, last: inner });
  }
  return [...[...done, ...growing.values()].map(formatRange), ...mappings].join(", ");
}

function formatRange({ ip, type, first, last }: Range): string {
  const numbers = first === last ? `${first}` : `${first}-${last}`;
  return `${ip === "" ? "" : `${ip}:${numbers}->`}${numbers}/${type}`;
}

function byPort(a: Port, b: Port): number {
  return a.PrivatePort - b.PrivatePort || compareText(a.IP ?? "", b.IP ?? "") || compareText(a.Type, b.Type);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
