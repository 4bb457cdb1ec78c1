import { Failure } from "../../base/failure.ts";
import type { BuildRequest } from "../../model/builds.ts";
import { parsePlatform } from "../../spec/platform.ts";
import { parseReference } from "../../spec/reference.ts";
import type {
  BuildCacheRequest,
  BuildContextPath,
  BuildNamedContext,
  BuildOutputRequest,
} from "../types/build.ts";
import { parseAttestations } from "./attestation-options.ts";
import {
  type CacheEntry,
  type CacheTarget,
  parseCacheSource,
  parseCacheTarget,
  requireFewCaches,
} from "./cache-options.ts";
import { parseExportForm } from "./export-form.ts";
import { hostConfigSchemas } from "../container/create-schemas.ts";
import { type FieldSchemas, readFields } from "../http/field-schemas.ts";
import { parseBuildNetwork, type StepParameters, stepParametersOf } from "./build-parameters.ts";

/** A context that the daemon reads where it is, when device and inode are those of the client. */
export interface ContextPath {
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
}

/** What is made of the result of a build. */
export interface BuildOutput {
  readonly type: (typeof outputs)[number];
  readonly attributes: Readonly<Record<string, string>>;
}

/** Where a named context comes from. */
export type NamedContextSource =
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "directory"; readonly directory: ContextPath }
  /** A directory of the archive that has all contexts. */
  | { readonly kind: "archive"; readonly number: number };

const outputs = ["image", "tar", "docker", "oci"] as const;
const reports = ["lint", "targets"] as const;
const entitlement = /^(?:network\.host|security\.insecure|device(?:=.+)?)$/s;

/** What the first line of `POST /tare/builds` asks for. */
export type BuildOptionsRequest = Pick<
  BuildRequest,
  | "dockerfile"
  | "target"
  | "buildArgs"
  | "labels"
  | "platforms"
  | "noCache"
  | "pull"
  | "network"
  | "entitlements"
  | "sourceDateEpoch"
  | "cacheSources"
  | "hasInlineCache"
  | "attestations"
> &
  StepParameters & {
    readonly context: ContextPath | undefined;
    readonly namedContexts: ReadonlyMap<string, NamedContextSource>;
    /** The URL of the context. */
    readonly remote: string | undefined;
    /** Undefined: in the context, if anywhere. */
    readonly ignoreFile: string | undefined;
    readonly tags: readonly string[];
    readonly secrets: ReadonlyMap<string, Uint8Array>;
    /** Ids of ssh agents that the client connects to. */
    readonly agents: ReadonlySet<string>;
    readonly outputs: readonly BuildOutput[];
    readonly cacheTargets: readonly CacheTarget[];
    readonly describe: (typeof reports)[number] | undefined;
  };

const mostInArchive = 1000;
const mostOutputs = 32;
/** SPEC: BuildKit's own bound of a secret. */
const mostSecretBytes = 500 * 1024;

const directorySchemas = { Path: "text", Device: "text", Inode: "text" } as const;

const schemas = {
  Dockerfile: { object: { Name: "text", Text: "text" } },
  Context: { object: directorySchemas },
  NamedContexts: {
    map: { Image: "text", Url: "text", Directory: { object: directorySchemas }, InArchive: "integer" },
  },
  Remote: "text",
  IgnoreFile: "text",
  Tags: "texts",
  Target: "text",
  BuildArgs: "text-map",
  Labels: "text-map",
  Platforms: "texts",
  NoCache: "boolean",
  NoCacheFilter: "texts",
  Pull: "boolean",
  NetworkMode: "text",
  HostConfig: { object: hostConfigSchemas },
  Secrets: "text-map",
  Agents: "texts",
  Entitlements: "texts",
  Attestations: "text-map",
  CacheFrom: { list: { Type: "text", Attributes: "text-map" } },
  CacheTo: { list: { Type: "text", Attributes: "text-map" } },
  Outputs: { list: { Type: "text", Attributes: "text-map" } },
  Describe: "text",
} as const satisfies FieldSchemas;

/** Throws Failure("invalid") for a field that can't be read. */
export function parseBuildOptions(body: unknown): BuildOptionsRequest {
  const fields = readFields(body, schemas, "");
  const { Dockerfile = {}, Tags = [], Platforms = [], NoCacheFilter = [], Entitlements = [] } = fields;
  for (const tag of Tags) parseReference(tag);
  for (const platform of Platforms) parsePlatform(platform);
  for (const each of Entitlements) {
    if (!entitlement.test(each))
      throw new Failure("invalid", `invalid entitlement: ${JSON.stringify(each.slice(0, 100))}`);
  }
  const cacheTargets = cachesOf(fields.CacheTo, parseCacheTarget);
  return {
    dockerfile: { name: Dockerfile.Name ?? "Dockerfile", text: Dockerfile.Text },
    context: contextOf(fields.Context),
    namedContexts: new Map(
      Object.entries(fields.NamedContexts ?? {}).map(([name, context]) => [
        name,
        namedContextOf(name, context),
      ]),
    ),
    remote: fields.Remote,
    ignoreFile: fields.IgnoreFile,
    tags: Tags,
    target: fields.Target,
    buildArgs: fields.BuildArgs ?? {},
    sourceDateEpoch: epochOf(fields.BuildArgs?.["SOURCE_DATE_EPOCH"]),
    labels: fields.Labels ?? {},
    platforms: Platforms,
    noCache: fields.NoCache === true ? true : NoCacheFilter.length === 0 ? false : NoCacheFilter,
    pull: fields.Pull ?? false,
    network: parseBuildNetwork(fields.NetworkMode),
    entitlements: Entitlements,
    secrets: new Map(Object.entries(fields.Secrets ?? {}).map(([id, text]) => [id, secretOf(id, text)])),
    agents: new Set(fields.Agents ?? []),
    outputs: outputsOf(fields.Outputs),
    cacheSources: cachesOf(fields.CacheFrom, parseCacheSource),
    cacheTargets,
    attestations: parseAttestations(fields.Attestations ?? {}),
    hasInlineCache: cacheTargets.some(({ kind }) => kind === "inline"),
    describe: fields.Describe === undefined ? undefined : oneOf("Describe", fields.Describe, reports),
    ...stepParametersOf(fields.HostConfig ?? {}),
  };
}

/** SPEC: the build argument is the time of the image, in seconds since 1970. */
function epochOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,12}$/.test(text))
    throw new Failure("invalid", `invalid SOURCE_DATE_EPOCH: ${JSON.stringify(text.slice(0, 100))}`);
  return Number(text);
}

function namedContextOf(
  name: string,
  { Image, Url, Directory, InArchive }: BuildNamedContext,
): NamedContextSource {
  const directory = contextOf(Directory);
  if (Image !== undefined) return { kind: "image", reference: Image };
  if (Url !== undefined) return { kind: "url", url: Url };
  if (directory !== undefined) return { kind: "directory", directory };
  if (InArchive !== undefined && InArchive > 0 && InArchive <= mostInArchive)
    return { kind: "archive", number: InArchive };
  throw new Failure("invalid", `the context ${JSON.stringify(name.slice(0, 100))} has no source`);
}

function contextOf(fields: BuildContextPath | undefined): ContextPath | undefined {
  if (fields === undefined) return undefined;
  const { Path = "", Device = "", Inode = "" } = fields;
  if (!Path.startsWith("/") || Path.includes("\0"))
    throw new Failure("invalid", "the path of a build context must be absolute");
  if (!/^\d{1,20}$/.test(Device) || !/^\d{1,20}$/.test(Inode))
    throw new Failure("invalid", "a build context needs its device and inode, as decimal texts");
  return { path: Path, device: BigInt(Device), inode: BigInt(Inode) };
}

function cachesOf<T>(
  list: readonly BuildCacheRequest[] | undefined,
  parse: (entry: CacheEntry) => T | undefined,
): readonly T[] {
  requireFewCaches(list ?? []);
  return (list ?? []).map(({ Type = "", Attributes = {} }) => {
    const found = parse({ type: Type, attributes: Attributes });
    if (found === undefined) throw new Failure("unsupported", `unknown cache type: ${JSON.stringify(Type)}`);
    return found;
  });
}

function outputsOf(list: readonly BuildOutputRequest[] | undefined): readonly BuildOutput[] {
  if (list === undefined) return [{ type: "image", attributes: {} }];
  if (list.length > mostOutputs) throw new Failure("invalid", `a build has at most ${mostOutputs} outputs`);
  return list.map(({ Type, Attributes = {} }) => {
    // Throws for attributes that there are not.
    parseExportForm(Attributes);
    return { type: oneOf("Type", Type ?? "", outputs), attributes: Attributes };
  });
}

function secretOf(id: string, text: string): Uint8Array {
  if (id === "" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw new Failure("invalid", "a build secret must have an id and be base64");
  const bytes = Buffer.from(text, "base64");
  if (bytes.length > mostSecretBytes)
    throw new Failure("invalid", `invalid secret size ${bytes.length}: at most ${mostSecretBytes} bytes`);
  return bytes;
}

function oneOf<T extends string>(name: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new Failure("invalid", `${name} must be one of ${words.join(", ")}`);
}
