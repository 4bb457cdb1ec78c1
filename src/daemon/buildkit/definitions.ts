import { createHash } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import type { Sendable } from "../../grpc/codec.ts";
import { codecs } from "./codings.ts";
import type { Messages } from "./messages.ts";

type Definition = Messages["pb.Definition"];

const scheme = "tare-result://";
const mostOperations = 10_000;

/**
 * A definition that stands for a result of this daemon, for a client that hands it to another build. Its only operation
 * is a source that no other daemon has. Pure.
 */
export function encodeResultDefinition(id: string, platform: string): Sendable<Definition> {
  const [os = "linux", architecture = "amd64", variant = ""] = platform.split("/");
  const source = codecs.of("pb.Op").encode({
    source: { identifier: `${scheme}${id}` },
    platform: { OS: os, Architecture: architecture, Variant: variant },
    constraints: {},
  });
  const digest = `sha256:${createHash("sha256").update(source).digest("hex")}`;
  const last = codecs.of("pb.Op").encode({ inputs: [{ digest, index: 0 }] });
  return { def: [source, last], metadata: { [digest]: { caps: { "source.image": true } } } };
}

/** The id in such a definition; undefined for another one. Throws "invalid" for what is none. Pure. */
export function findResultId(definition: Definition | null | undefined): string | undefined {
  const operations = definition?.def ?? [];
  if (operations.length > mostOperations)
    throw new Failure("invalid", "the definition has too many operations");
  for (const bytes of operations) {
    const { source } = codecs.of("pb.Op").decode(bytes);
    if (source?.identifier.startsWith(scheme) === true) return source.identifier.slice(scheme.length);
  }
  return undefined;
}

/** Throws "unsupported" for a definition that is not empty. */
export function refuseDefinition(definition: Definition | null | undefined): void {
  if ((definition?.def ?? []).length > 0)
    throw new Failure("unsupported", "cannot solve the definition: only Dockerfiles are built");
}
