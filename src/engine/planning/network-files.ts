import { quote, refuse } from "./refusal.ts";

/** `name:address`, as `--add-host` takes it (`name=address`, too). */
export interface ExtraHost {
  readonly name: string;
  readonly address: string;
}

/** What stands for the host's own address in an entry. */
export const hostGateway = "host-gateway";

/** Throws "invalid" for an entry without name or address. */
export function parseExtraHosts(entries: readonly string[] = []): readonly ExtraHost[] {
  return entries.map((entry) => {
    const match = /^([^\s:=]+)[:=](.+)$/.exec(entry);
    const name = match?.[1] ?? "";
    const address = (match?.[2] ?? "").replace(/^\[(.*)\]$/, "$1");
    if (name === "" || (address !== hostGateway && !/^[0-9a-fA-F.:]+(%[a-z0-9]+)?$/.test(address))) {
      throw refuse(`bad format for add-host: ${quote(entry)}`);
    }
    return { name, address };
  });
}

/** /etc/hosts of a container that has its own network namespace. */
export function formatHosts(own: readonly ExtraHost[], extra: readonly ExtraHost[]): string {
  const lines = [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "ff00::\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    ...[...extra, ...own].map(({ name, address }) => `${address}\t${name}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** With the addresses that lead to the host, one line each; entries that need one go when there is none. */
export function withGateways(
  entries: readonly ExtraHost[],
  gateways: readonly string[],
): readonly ExtraHost[] {
  return entries.flatMap(({ name, address }) =>
    address === hostGateway ? gateways.map((gateway) => ({ name, address: gateway })) : [{ name, address }],
  );
}

/** The text with the addresses of an interface that came; those of `gone` are taken out. Other lines stay as they are. */
export function changeHosts(
  text: string,
  { come = [], gone = [] }: { readonly come?: readonly ExtraHost[]; readonly gone?: readonly string[] },
): string {
  const lines = text.split("\n").filter((line) => line !== "" && !gone.includes(line.split(/\s/)[0] ?? ""));
  return `${[...lines, ...come.map(({ name, address }) => `${address}\t${name}`)].join("\n")}\n`;
}

/** The host's file with the caller's entries. */
export function extendHosts(host: string, extra: readonly ExtraHost[]): string {
  const text = host === "" || host.endsWith("\n") ? host : `${host}\n`;
  return text + extra.map(({ name, address }) => `${address}\t${name}\n`).join("");
}
