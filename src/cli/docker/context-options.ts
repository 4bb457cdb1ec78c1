import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { parseHost } from "../../client/host.ts";
import { parseCsvFields } from "../flags/csv-fields.ts";
import type { Flag } from "../flags/flag.ts";
import { parseTruth } from "../flags/kinds.ts";

/** The words of `--docker`. */
export type EndpointWords = Readonly<Record<string, string>>;

const keyFiles = { ca: "ca.pem", cert: "cert.pem", key: "key.pem" } as const;
const known = new Set(["from", "host", "skip-tls-verify", ...Object.keys(keyFiles)]);

/** `--docker host=tcp://build:2376,ca=ca.pem` */
export const dockerFlag: Flag<EndpointWords> = {
  type: "stringToString",
  usage: "set the docker endpoint",
  initial: {},
  initialText: "[]",
  add(text, before) {
    const entries = parseCsvFields(text).map((field) => {
      const at = field.indexOf("=");
      if (at < 0) throw new Failure("invalid", `${field} must be formatted as key=value`);
      return [field.slice(0, at), field.slice(at + 1)] as const;
    });
    return { ...before, ...Object.fromEntries(entries) };
  },
};

/** Text that help shows, as Docker's. */
export const endpointDescription: string = `Docker endpoint config:

NAME                DESCRIPTION
from                Copy named context's Docker endpoint configuration
host                Docker endpoint on which to connect
ca                  Trust certs signed only by this CA
cert                Path to TLS certificate file
key                 Path to TLS key file
skip-tls-verify     Skip TLS certificate validation`;

/** Throws "invalid", in Docker's words, for words that no endpoint has. */
export function checkEndpointWords(words: EndpointWords): void {
  const refused = (detail: string): Failure =>
    new Failure("invalid", `unable to create docker endpoint config: ${detail}`);
  for (const word of Object.keys(words))
    if (!known.has(word)) throw refused(`${word}: unrecognized config key`);
  const { from, host, "skip-tls-verify": skips } = words;
  if (from !== undefined && Object.keys(words).length > 1)
    throw refused("cannot use both from and other keys");
  if (skips !== undefined && parseTruth(skips) === undefined)
    throw refused(`skip-tls-verify: invalid value "${skips}"`);
  if (host === undefined || /^(ssh|npipe|https):\/\//.test(host)) return; // for Docker's client
  try {
    parseHost(host);
  } catch {
    throw refused(`unable to apply docker endpoint options: unable to parse docker host \`${host}\``);
  }
}

/** The key files that the words name, by the name under which they are stored. Throws "not-found". */
export function readKeyFiles(words: EndpointWords, cwd: string): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const [word, name] of Object.entries(keyFiles)) {
    const path = words[word];
    if (path === undefined || path === "") continue;
    try {
      files.set(name, readFileSync(resolve(cwd, path)));
    } catch (thrown) {
      throw new Failure("not-found", `unable to create docker endpoint config: ${sentenceOf(thrown)}`, {
        cause: thrown,
      });
    }
  }
  return files;
}
