export interface LinkPort {
  readonly protocol: string;
  readonly port: number;
}

/**
 * The variables of one link, as dockerd gives them: of the first port, of each port, of each run of ports one after the
 * other, of the name, and of the linked container's own variables.
 */
export function formatLinkVariables({
  name,
  alias,
  address,
  ports,
  env,
}: {
  /** `/web/db` */
  readonly name: string;
  readonly alias: string;
  readonly address: string;
  readonly ports: readonly LinkPort[];
  readonly env: readonly string[];
}): readonly string[] {
  const prefix = alias.replaceAll("-", "_").toUpperCase();
  const sorted = [...ports].sort(compare);
  const [first] = sorted;
  const url = ({ protocol, port }: LinkPort): string => `${protocol}://${address}:${port}`;
  const nameOf = ({ protocol, port }: LinkPort): string => `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
  return [
    ...(first === undefined ? [] : [`${prefix}_PORT=${url(first)}`]),
    ...sorted.flatMap((each) => [
      `${nameOf(each)}=${url(each)}`,
      `${nameOf(each)}_ADDR=${address}`,
      `${nameOf(each)}_PORT=${each.port}`,
      `${nameOf(each)}_PROTO=${each.protocol}`,
    ]),
    ...runsOf(sorted).flatMap(([start, end]) => [
      `${nameOf(start)}_START=${url(start)}`,
      `${nameOf(start)}_PORT_START=${start.port}`,
      `${nameOf(start)}_END=${url(end)}`,
      `${nameOf(start)}_PORT_END=${end.port}`,
    ]),
    `${prefix}_NAME=${name}`,
    ...env
      .filter((entry) => entry.includes("=") && !/^(?:HOME|PATH)=/.test(entry))
      .map((entry) => `${prefix}_ENV_${entry}`),
  ];
}

/** First and last of at least two ports that follow each other. */
function runsOf(sorted: readonly LinkPort[]): readonly (readonly [LinkPort, LinkPort])[] {
  const runs: [LinkPort, LinkPort][] = [];
  for (const each of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && last[1].protocol === each.protocol && last[1].port + 1 === each.port)
      last[1] = each;
    else runs.push([each, each]);
  }
  return runs.filter(([start, end]) => start !== end);
}

/** TCP comes first. */
function compare(one: LinkPort, other: LinkPort): number {
  if (one.protocol === other.protocol) return one.port - other.port;
  if (one.protocol === "tcp" || other.protocol === "tcp") return one.protocol === "tcp" ? -1 : 1;
  return one.protocol < other.protocol ? -1 : 1;
}
