export type PortProtocol = "tcp" | "udp" | "sctp";

/** A run of ports. */
export interface PortRun {
  readonly protocol: PortProtocol;
  readonly first: number;
  readonly last: number;
}

/** `80/tcp`, `8000-8010/udp`, `80`. Undefined for what is no port: an image may say anything. */
export function parsePortRun(text: string): PortRun | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (first < 1 || last < first || last > 65_535) return undefined;
  return { protocol: (match[3] ?? "tcp").toLowerCase() as PortProtocol, first, last };
}

/** The way back. */
export function formatPortRun({ protocol, first, last }: PortRun): string {
  return `${first === last ? first : `${first}-${last}`}/${protocol}`;
}

/** Each of them. */
export function portsOfRun({ protocol, first, last }: PortRun): readonly {
  readonly protocol: PortProtocol;
  readonly port: number;
}[] {
  return Array.from({ length: last - first + 1 }, (_, at) => ({ protocol, port: first + at }));
}

/** `8000-8002/tcp` → `8000/tcp`, `8001/tcp`, `8002/tcp`, as Docker and images have them; nothing for what is no port. */
export function spellOutPorts(text: string): readonly string[] {
  const run = parsePortRun(text);
  return run === undefined ? [] : portsOfRun(run).map(({ protocol, port }) => `${port}/${protocol}`);
}

/** Each port once: neighbours and runs that overlap become one. In the order of their numbers, protocol by protocol. */
export function joinPortRuns(runs: readonly PortRun[]): readonly PortRun[] {
  const joined = new Map<PortProtocol, PortRun[]>();
  for (const run of [...runs].sort((one, other) => one.first - other.first)) {
    const before = joined.get(run.protocol) ?? [];
    joined.set(run.protocol, before);
    const last = before.at(-1);
    if (last === undefined || run.first > last.last + 1) before.push(run);
    else if (run.last > last.last) before[before.length - 1] = { ...last, last: run.last };
  }
  return [...joined.values()].flat();
}

/** What is left of a run without the ports of others, which are joined and of its protocol. */
export function subtractPortRuns(run: PortRun, others: readonly PortRun[]): readonly PortRun[] {
  const left: PortRun[] = [];
  let { first } = run;
  for (const other of joinPortRuns(others.filter(({ protocol }) => protocol === run.protocol))) {
    if (other.first > first) left.push({ ...run, first, last: Math.min(other.first - 1, run.last) });
    first = Math.max(first, other.last + 1);
    if (first > run.last) break;
  }
  if (first <= run.last) left.push({ ...run, first });
  return left.filter((piece) => piece.first <= piece.last);
}
