import { Failure } from "../../base/failure.ts";
import type { AttestationOptions } from "../../model/builds.ts";

/**
 * The attestations of a build by their types, as BuildKit's clients write them: `provenance` with `mode=max,…`, `sbom`
 * with `generator=IMAGE`. Throws "invalid" for a value that is none, "unsupported" for another type. Pure.
 */
export function parseAttestations(
  values: Readonly<Record<string, string>>,
  vcs: Readonly<Record<string, string>> = {},
): AttestationOptions {
  let options: AttestationOptions = {};
  for (const [type, text] of Object.entries(values)) {
    const fields = fieldsOf(text);
    if (isTrue(fields.get("disabled"))) continue;
    switch (type) {
      case "provenance":
        options = { ...options, provenance: { ...provenanceOf(fields), vcs } };
        break;
      case "sbom":
        options = { ...options, sbom: { generator: fields.get("generator") || defaultGenerator } };
        break;
      default:
        throw new Failure("unsupported", `unsupported attestation type ${JSON.stringify(type.slice(0, 40))}`);
    }
  }
  return options;
}

/** SPEC: BuildKit, docs/attestations/sbom.md */
const defaultGenerator = "docker/buildkit-syft-scanner:stable-1";

function provenanceOf(
  fields: ReadonlyMap<string, string>,
): Omit<NonNullable<AttestationOptions["provenance"]>, "vcs"> {
  const mode = fields.get("mode") || "min";
  if (mode !== "min" && mode !== "max")
    throw new Failure(
      "invalid",
      `invalid provenance mode ${JSON.stringify(mode.slice(0, 40))}: want min or max`,
    );
  const version = fields.get("version") || "v0.2";
  if (version !== "v0.2")
    throw new Failure(
      "unsupported",
      `provenance of version ${JSON.stringify(version)} is not made: use v0.2`,
    );
  return {
    mode,
    builderId: fields.get("builder-id"),
    isReproducible: isTrue(fields.get("reproducible")),
    inlineOnly: isTrue(fields.get("inline-only")),
  };
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(",").filter((field) => field !== "");
  return new Map(
    pairs.map((field) => {
      const equals = field.indexOf("=");
      return equals < 0 ? [field, "true"] : [field.slice(0, equals), field.slice(equals + 1)];
    }),
  );
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && ["1", "t", "true"].includes(text.toLowerCase());
}
