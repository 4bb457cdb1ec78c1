const protocols = ["tcp", "udp", "sctp"] as const;

export type PortProtocol = (typeof protocols)[number];

export const highestPort = 65_535;

/** Ports in a row, without their protocol. */
export interface PortNumbers {
  readonly first: number;
  readonly last: number;
}

export interface PortRange extends PortNumbers {
  readonly protocol: PortProtocol;
}

/** `tcp`, in any case. Undefined for what is no protocol. */
export function parsePortProtocol(text: string): PortProtocol | undefined {
  const lower = text.toLowerCase();
  return protocols.find((protocol) => protocol === lower);
}

/**
 * `80` or `8000-8010`, from 0, which stands for any port where there is a choice. Undefined for what is no number of a
 * port; a range that ends before it begins is given as it is (isAscending()).
 */
export function parsePortNumbers(text: string): PortNumbers | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  return match === null || first > highestPort || last > highestPort ? undefined : { first, last };
}

export function isAscending({ first, last }: PortNumbers): boolean {
  return first <= last;
}

/**
 * `80/tcp`, `8000-8010/udp`, `80`. Undefined for a port that no program can listen on: an image may contain any text.
 */
export function parsePortRange(text: string): PortRange | undefined {
  const at = text.indexOf("/");
  const numbers = parsePortNumbers(at === -1 ? text : text.slice(0, at));
  const protocol = parsePortProtocol(at === -1 ? "tcp" : text.slice(at + 1));
  if (numbers === undefined || protocol === undefined || numbers.first === 0) return undefined;
  return isAscending(numbers) ? { protocol, ...numbers } : undefined;
}

/** The way back of parsePortNumbers(). */
export function formatPortNumbers({ first, last }: PortNumbers): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

/** The way back of parsePortRange(). */
export function formatPortRange(range: PortRange): string {
  return `${formatPortNumbers(range)}/${range.protocol}`;
}

/** Each of them. */
export function portsOfRange({ protocol, first, last }: PortRange): readonly {
  readonly protocol: PortProtocol;
  readonly port: number;
}[] {
  return Array.from({ length: last - first + 1 }, (_, at) => ({ protocol, port: first + at }));
}

/**
 * `8000-8002/tcp` → `8000/tcp`, `8001/tcp`, `8002/tcp`, as Docker and images have them; nothing for what is no port.
 */
export function spellOutPorts(text: string): readonly string[] {
  const range = parsePortRange(text);
  return range === undefined ? [] : portsOfRange(range).map(({ protocol, port }) => `${port}/${protocol}`);
}
