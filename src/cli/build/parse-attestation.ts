import { Failure } from "../../base/failure.ts";
import { parseCsvFields } from "../flags/csv-fields.ts";

/** The value of `--attest`: `type=provenance,mode=max`. Throws "invalid" in Docker's words. */
export function parseAttestation(text: string): readonly [type: string, options: string] {
  const fields = parseCsvFields(text);
  const type = fields.find((field) => field.startsWith("type="))?.slice("type=".length) ?? "";
  if (type === "") throw new Failure("invalid", `attestation type not specified: ${JSON.stringify(text)}`);
  if (type !== "provenance" && type !== "sbom")
    throw new Failure("invalid", `unsupported attestation type ${JSON.stringify(type)}`);
  return [type, fields.filter((field) => !field.startsWith("type=")).join(",")];
}

/** What `--attest`, `--provenance` and `--sbom` ask for, by type. The shorthands replace the others. */
export function attestationsOf({
  attest,
  provenance,
  sbom,
}: {
  readonly attest: readonly string[];
  readonly provenance: string;
  readonly sbom: string;
}): Readonly<Record<string, string>> {
  const found = Object.fromEntries(attest.map(parseAttestation));
  for (const [type, text] of [
    ["provenance", provenance],
    ["sbom", sbom],
  ] as const) {
    if (text === "") continue;
    if (isWord(text, ["false", "0"])) delete found[type];
    else found[type] = isWord(text, ["true", "1"]) ? "" : text;
  }
  return found;
}

function isWord(text: string, words: readonly string[]): boolean {
  return words.includes(text.toLowerCase());
}
