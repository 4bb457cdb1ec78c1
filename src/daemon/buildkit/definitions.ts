import { Failure } from "../../base/failure.ts";
import type { Sendable } from "../../grpc/codec.ts";
import { StatusError, statusOfThrown } from "../../grpc/status.ts";
import type { Definition as Decoded, DefinitionInput, DefinitionOperation } from "../../model/definition.ts";
import { type Digest, digestOf, findDigest } from "../../spec/digest.ts";
import { normalizePlatform, type Platform } from "../../spec/platform.ts";
import { codecs } from "./codings.ts";
import { decodeAction } from "./decode-operation.ts";
import type { Messages } from "./messages.ts";

type Definition = Messages["pb.Definition"];
type Op = Messages["pb.Op"];

/** Of the source that stands for a result of this daemon. */
const resultScheme = "tare-result://";
const mostOperations = 10_000;
/** Operations in a row. */
const mostDepth = 1000;
const mostInputs = 1000;

/**
 * A definition that stands for a result of this daemon, for a client that hands it to another build. Its only operation
 * is a source that no other daemon has. Pure.
 */
export function encodeResultDefinition(id: string, platform: string): Sendable<Definition> {
  const [os = "linux", architecture = "amd64", variant = ""] = platform.split("/");
  const source = codecs.of("pb.Op").encode({
    source: { identifier: `${resultScheme}${id}` },
    platform: { OS: os, Architecture: architecture, Variant: variant },
    constraints: {},
  });
  const digest = digestOf(source);
  const last = codecs.of("pb.Op").encode({ inputs: [{ digest, index: 0 }] });
  return { def: [source, last], metadata: { [digest]: { caps: { "source.image": true } } } };
}

/** The id where a definition is such a one and nothing else; undefined for others. Pure. */
export function findResultId(definition: Definition | null | undefined): string | undefined {
  const operations = definition?.def ?? [];
  if (operations.length !== 2 || operations[0] === undefined) return undefined;
  const { source } = codecs.of("pb.Op").decode(operations[0]);
  return source?.identifier.startsWith(resultScheme) === true
    ? source.identifier.slice(resultScheme.length)
    : undefined;
}

/**
 * Decodes what its last operation needs. Throws a status of invalid arguments for a definition that is none: bytes,
 * inputs that are missing, too many or too deep ones; "unimplemented" for operations that Tare does not have. Pure.
 */
export function decodeDefinition(definition: Definition | null | undefined): Decoded {
  try {
    return new Decoding(definition).run();
  } catch (thrown) {
    throw new StatusError(statusOfThrown(thrown), thrown);
  }
}

class Decoding {
  readonly #definition: Definition | null | undefined;
  readonly #bytes = new Map<Digest, Uint8Array>();
  readonly #decoded = new Map<Digest, DefinitionOperation>();
  /** Those whose inputs are being decoded. */
  readonly #open = new Set<Digest>();

  constructor(definition: Definition | null | undefined) {
    this.#definition = definition;
  }

  run(): Decoded {
    const list = this.#definition?.def ?? [];
    if (list.length > mostOperations)
      throw new Failure("invalid", `invalid LLB: the definition has more than ${mostOperations} operations`);
    const last = list.at(-1);
    if (last === undefined) return { operations: new Map(), target: undefined };
    for (const bytes of list) this.#bytes.set(digestOf(bytes), bytes);
    const { inputs } = decodeOp(last);
    const [first, ...more] = inputs;
    if (first === undefined || more.length > 0)
      throw new Failure("invalid", "invalid LLB: the last operation has not one input");
    const target = inputOf(first);
    this.#visit(target.digest, 0);
    this.#checkOutputs([target]);
    for (const each of this.#decoded.values()) this.#checkOutputs(each.inputs);
    return { operations: this.#decoded, target };
  }

  #visit(digest: Digest, depth: number): void {
    if (this.#decoded.has(digest)) return;
    const bytes = this.#bytes.get(digest);
    if (bytes === undefined)
      throw new Failure("invalid", `invalid LLB: invalid missing input digest ${digest}`);
    if (depth >= mostDepth)
      throw new Failure("invalid", `invalid LLB: more than ${mostDepth} operations stand on each other`);
    if (this.#open.has(digest)) throw new Failure("invalid", `invalid LLB: ${digest} needs itself`);
    const op = decodeOp(bytes);
    if (op.inputs.length > mostInputs)
      throw new Failure("invalid", `invalid LLB: an operation has more than ${mostInputs} inputs`);
    const inputs = op.inputs.map(inputOf);
    this.#open.add(digest);
    for (const input of inputs) this.#visit(input.digest, depth + 1);
    this.#open.delete(digest);
    this.#decoded.set(digest, this.#operationOf(op, { digest, inputs }));
  }

  #operationOf(
    op: Op,
    { digest, inputs }: { readonly digest: Digest; readonly inputs: readonly DefinitionInput[] },
  ): DefinitionOperation {
    const { metadata = {} } = this.#definition ?? {};
    const about = Object.hasOwn(metadata, digest) ? metadata[digest] : undefined;
    return {
      inputs,
      platform: platformOf(op.platform),
      action: decodeAction(op),
      name: about?.description["llb.customname"] || undefined,
      ignoresCache: about?.ignore_cache ?? false,
      group: about?.progress_group ?? undefined,
    };
  }

  #checkOutputs(inputs: readonly DefinitionInput[]): void {
    for (const { digest, output } of inputs) {
      const operation = this.#decoded.get(digest);
      if (operation !== undefined && !outputsOf(operation).has(output))
        throw new Failure("invalid", `invalid LLB: ${digest} has no output ${output}`);
    }
  }
}

function outputsOf({ action }: DefinitionOperation): ReadonlySet<number> {
  switch (action.kind) {
    case "exec":
      return new Set(action.mounts.flatMap((mount) => ("output" in mount ? (mount.output ?? []) : [])));
    case "file":
      return new Set(action.actions.flatMap(({ output }) => output ?? []));
    default:
      return new Set([0]);
  }
}

function decodeOp(bytes: Uint8Array): Op {
  try {
    return codecs.of("pb.Op").decode(bytes);
  } catch (cause) {
    throw new Failure("invalid", "invalid LLB: an operation is malformed", { cause });
  }
}

function inputOf({ digest, index }: Messages["pb.Input"]): DefinitionInput {
  const found = findDigest(digest);
  if (found === undefined)
    throw new Failure("invalid", `invalid LLB: "${digest.slice(0, 100)}" is no digest of an input`);
  return { digest: found, output: index };
}

function platformOf(platform: Messages["pb.Platform"] | null): Platform | undefined {
  if (platform === null || platform.OS === "") return undefined;
  const { OS, Architecture, Variant } = platform;
  return normalizePlatform(OS, Architecture, Variant);
}
