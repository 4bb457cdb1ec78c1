import { formatPlatform, type Platform } from "../../spec/platform.ts";
import { formatFamiliar, parseReference, withDefaultTag } from "../../spec/reference.ts";
import type { StatementText } from "./encode-export.ts";

/** What is known of a build when it has ended. */
export interface BuildFacts {
  /** Of the image. */
  readonly platform: string;
  readonly buildPlatform: Platform;
  /** The images that it is made of. */
  readonly materials: readonly Material[];
  /** Name of the Dockerfile. */
  readonly entryPoint: string;
  readonly dockerfile: string;
  /** As BuildKit's front end has them: `build-arg:NAME`, `label:NAME`, `target`. */
  readonly args: Readonly<Record<string, string>>;
  /** Ids of secrets of its steps. */
  readonly secrets: readonly string[];
  /** Names of the client's directories. */
  readonly locals: readonly string[];
  readonly isHermetic: boolean;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** Of the builds of all platforms. */
  readonly invocationId: string;
}

export interface Material {
  readonly reference: string;
  readonly platform: string;
  readonly digest?: string | undefined;
}

export interface ProvenanceOptions {
  /** "min" leaves out the arguments of the build and the Dockerfile. */
  readonly mode: "min" | "max";
  readonly builderId?: string | undefined;
  readonly isReproducible?: boolean | undefined;
  /** What the client says about its repository: `source`, `revision`. */
  readonly vcs?: Readonly<Record<string, string>> | undefined;
}

const buildType = "https://mobyproject.org/buildkit@v1";

/** How an image was made. SPEC: SLSA provenance v0.2; BuildKit, docs/attestations/slsa-definitions.md. Pure. */
export function provenanceOf(facts: BuildFacts, options: ProvenanceOptions): StatementText {
  const { materials, entryPoint, locals, secrets, args, buildPlatform } = facts;
  const isWhole = options.mode === "max";
  const parameters = {
    frontend: "dockerfile.v0",
    ...(isWhole && Object.keys(args).length > 0 ? { args } : {}),
    ...(isWhole && secrets.length > 0 ? { secrets: secrets.map((id) => ({ id, optional: true })) } : {}),
    ...(locals.length === 0 ? {} : { locals: locals.map((name) => ({ name })) }),
  };
  return {
    predicateType: "https://slsa.dev/provenance/v0.2",
    predicate: {
      builder: { id: options.builderId ?? "" },
      buildType,
      materials: materials.map(({ reference, platform, digest }) => ({
        uri: packageUrl(reference, platform),
        ...(digest === undefined ? {} : { digest: digestSet(digest) }),
      })),
      invocation: {
        configSource: { entryPoint },
        parameters,
        environment: { platform: formatPlatform(buildPlatform) },
      },
      metadata: metadataOf(facts, options),
    },
  };
}

function metadataOf(
  facts: BuildFacts,
  { mode, isReproducible = false, vcs = {} }: ProvenanceOptions,
): object {
  const { invocationId, startedAtMs, finishedAtMs, isHermetic, entryPoint, dockerfile, locals } = facts;
  const isWhole = mode === "max";
  const source = { infos: [{ filename: entryPoint, language: "Dockerfile", data: toBase64(dockerfile) }] };
  return {
    buildInvocationID: invocationId,
    buildStartedOn: new Date(startedAtMs).toISOString(),
    buildFinishedOn: new Date(finishedAtMs).toISOString(),
    completeness: { parameters: isWhole, environment: true, materials: locals.length === 0 },
    reproducible: isReproducible,
    "https://mobyproject.org/buildkit@v1#hermetic": isHermetic,
    "https://mobyproject.org/buildkit@v1#metadata": {
      ...(Object.keys(vcs).length === 0 ? {} : { vcs }),
      ...(isWhole ? { source } : {}),
    },
  };
}

/** `pkg:docker/alpine@3?platform=linux%2Famd64`. SPEC: package-url, type docker. Pure. */
export function packageUrl(reference: string, platform: string): string {
  const parsed = withDefaultTag(parseReference(reference));
  const { tag, digest } = parsed;
  const name = formatFamiliar(parsed)
    .replace(/@.*$/, "")
    .replace(/:[^:/]*$/, "");
  const version = tag ?? "";
  const qualifiers = [
    ...(digest === undefined ? [] : [`digest=${digest}`]),
    `platform=${encodeURIComponent(platform)}`,
  ];
  return `pkg:docker/${name}${version === "" ? "" : `@${version}`}?${qualifiers.join("&")}`;
}

function digestSet(digest: string): Readonly<Record<string, string>> {
  const [algorithm = "", hex = ""] = digest.split(":");
  return { [algorithm]: hex };
}

function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}
