import { quote, refuse } from "./refusal.ts";

/** `name:address`, as `--add-host` takes it (`name=address`, too). */
export interface ExtraHost {
  readonly name: string;
  readonly address: string;
}

/** Throws "invalid" for an entry without name or address. `host-gateway` needs a network with a gateway: "unsupported". */
export function parseExtraHosts(entries: readonly string[] = []): readonly ExtraHost[] {
  return entries.map((entry) => {
    const match = /^([^\s:=]+)[:=](.+)$/.exec(entry);
    const name = match?.[1] ?? "";
    const address = (match?.[2] ?? "").replace(/^\[(.*)\]$/, "$1");
    if (name === "" || !/^[0-9a-fA-F.:]+(%[a-z0-9]+)?$/.test(address)) {
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

/** The host's file with the caller's entries. */
export function extendHosts(host: string, extra: readonly ExtraHost[]): string {
  const text = host === "" || host.endsWith("\n") ? host : `${host}\n`;
  return text + extra.map(({ name, address }) => `${address}\t${name}\n`).join("");
}
