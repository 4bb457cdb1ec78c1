import { Failure } from "../../base/failure.ts";
import { parseIgnoreFile } from "../../build/dockerfile/ignore-patterns.ts";
import { definitionToGraph } from "../../build/graph/definition-to-graph.ts";
import { finishConfig } from "../../build/graph/finish-config.ts";
import type { BaseImage, GitOperation, HttpOperation, Vertex } from "../../build/graph/graph-types.ts";
import { type DraftConfig, emptyDraft } from "../../build/graph/image-changes.ts";
import type { SourceTree } from "../../build/solver/copy-layer.ts";
import type { Layers } from "../../build/solver/solver.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { type KnownDigests, showsChanges } from "../../linux/tree/file-digests.ts";
import type { BuiltImage, DefinitionRequest, ImageSettings } from "../../model/builds.ts";
import type { RunDevice } from "../../spec/cdi-name.ts";
import { parseDigest } from "../../spec/digest.ts";
import { parseGitReference } from "../../spec/git-url.ts";
import { type ImageConfig, parseImageConfig } from "../../spec/image/config.ts";
import { hostPlatform, parsePlatform, type Platform } from "../../spec/platform.ts";
import { isWithin } from "../resolve/clean-path.ts";
import type { BuildReport } from "./build-report.ts";

const imageScheme = "docker-image://";
const localScheme = "local://";
const resultScheme = "tare-result://";

export interface SourceOptions {
  /** Disposed of with the sources. */
  readonly remoteFiles: AsyncDisposable;
  readonly digests: KnownDigests;
  readonly report: BuildReport;
  readonly signal: AbortSignal;
  /** Contexts below it are the engine's own. */
  readonly ownRoot: string;
  readonly resolveImage: (
    reference: string,
    options: { readonly platform: Platform; readonly pull: boolean },
  ) => Promise<BaseImage>;
  readonly findDevices: (
    devices: readonly RunDevice[],
    entitlements: readonly string[],
  ) => Promise<readonly string[] | undefined>;
  readonly layersOf: (image: BuiltImage) => Layers;
}

interface LocalSource {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** As it is shown. */
  readonly title: string;
}

/** The sources of one definition. Disposed after its steps. */
export class DefinitionSources implements AsyncDisposable {
  readonly #request: DefinitionRequest;
  readonly #options: SourceOptions;
  readonly #held = new AsyncDisposableStack();
  /** Directories of the client by the digests of their operations. */
  readonly #locals = new Map<string, LocalSource>();
  readonly #trees = new Map<string, Promise<SourceTree>>();

  constructor(request: DefinitionRequest, options: SourceOptions) {
    this.#request = request;
    this.#options = options;
  }

  async graph(): Promise<Vertex | undefined> {
    const { definition, entitlements } = this.#request;
    return await definitionToGraph(definition, {
      platform: hostPlatform(),
      entitlements,
      findDevices: async (devices) => await this.#options.findDevices(devices, entitlements),
      resolveSource: async ({ digest, identifier, attributes }, { platform, name }) => {
        if (identifier.startsWith(imageScheme)) {
          const reference = identifier.slice(imageScheme.length);
          const pull = attributes["image.resolvemode"] === "pull";
          const image = await this.#options.resolveImage(reference, { platform, pull });
          return { operation: { kind: "image", image, platform } };
        }
        if (identifier.startsWith(localScheme)) {
          this.#locals.set(digest, { name: identifier.slice(localScheme.length), attributes, title: name });
          return { operation: { kind: "context", name: digest } };
        }
        if (identifier.startsWith(resultScheme)) {
          const built = this.#request.findResult(identifier.slice(resultScheme.length));
          if (built === undefined)
            throw new Failure("not-found", "cannot use the result of a build: its build has ended");
          const { config } = built;
          const image = { reference: name, config, layers: this.#options.layersOf(built) };
          return { operation: { kind: "image", image, platform } };
        }
        const remote = remoteOperation(identifier, attributes);
        if (remote !== undefined) return { operation: remote };
        throw new Failure(
          "unsupported",
          `cannot solve the definition: sources of type ${identifier.split(":")[0]?.slice(0, 50)} are not supported`,
        );
      },
    });
  }

  async open(key: string): Promise<SourceTree> {
    const known = this.#trees.get(key) ?? this.#open(key);
    this.#trees.set(key, known);
    return await known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#trees.values());
    await this.#held.disposeAsync();
    await this.#options.remoteFiles[Symbol.asyncDispose]();
  }

  async #open(key: string): Promise<SourceTree> {
    const local = this.#locals.get(key);
    if (local === undefined) throw new Failure("internal", "there is no such directory of the client");
    const { report, signal, ownRoot, digests } = this.#options;
    return await report.during(local.title, async (progress) => {
      let bytes = 0;
      const opened = this.#held.use(
        await this.#request.openLocal(local.name, {
          include: patternsOf(local, "local.includepattern"),
          exclude: patternsOf(local, "local.excludepatterns"),
          follow: patternsOf(local, "local.followpaths"),
          sharedKey: local.attributes["local.sharedkeyhint"],
          signal,
          onProgress: (now) => {
            bytes = now;
            progress(`transferring ${local.name}:`, now);
          },
        }),
      );
      progress(`transferring ${local.name}:`, bytes, bytes);
      const root = this.#held.use(openDirectoryPath(opened.path));
      const path = isWithin(opened.path, ownRoot) ? opened.path : undefined;
      const known = showsChanges(root.fd) ? digests : undefined;
      return { root: root.fd, path, isForeign: true, digests: known };
    });
  }
}

/** SPEC: moby/buildkit, solver/pb/attr.go. Undefined for an identifier of no server. Throws "invalid". */
function remoteOperation(
  identifier: string,
  attributes: Readonly<Record<string, string>>,
): HttpOperation | GitOperation | undefined {
  if (/^https?:\/\//.test(identifier)) {
    const { "http.checksum": checksum = "" } = attributes;
    return { kind: "http", url: identifier, checksum: checksum === "" ? undefined : parseDigest(checksum) };
  }
  if (!identifier.startsWith("git://")) return undefined;
  const { "git.fullurl": url = "", "git.keepgitdir": keeps } = attributes;
  const fragment = identifier.includes("#") ? identifier.slice(identifier.indexOf("#")) : "";
  const repository = parseGitReference(url === "" ? identifier : `${url}${fragment}`);
  if (repository === undefined)
    throw new Failure("invalid", `invalid LLB: ${identifier.slice(0, 200)} is no repository`);
  return { kind: "git", repository, keepsGitDirectory: keeps === "true" };
}

/** A list in JSON. Throws "invalid". */
function patternsOf({ attributes }: LocalSource, name: string): readonly string[] | undefined {
  const text = attributes[name];
  if (text === undefined || text === "") return undefined;
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    list = undefined;
  }
  if (list === null) return undefined;
  if (!Array.isArray(list) || !list.every((each) => typeof each === "string"))
    throw new Failure("invalid", `invalid LLB: ${name} is no list of patterns`);
  // The bounds of ignore files hold for them, too.
  parseIgnoreFile(list.join("\n"));
  return list;
}

/** The configuration of a result that has none. */
export function plainConfig(layers: Layers, platform: Platform): ImageConfig {
  return finishConfig({ ...emptyDraft(platform), history: historyOf([], layers) }, { layers });
}

/**
 * The configuration that a front end gives for layers: their digests and missing times are added. SPEC: moby/buildkit,
 * exporter/containerimage/writer.go. Throws "invalid".
 */
export function givenConfig(
  { platform, configBytes, sourceDateEpoch }: ImageSettings,
  layers: Layers,
): ImageConfig {
  const epochMs = sourceDateEpoch === undefined ? undefined : sourceDateEpoch * 1000;
  if (configBytes === undefined) return plainConfig(layers, parsePlatform(platform));
  const given = parseImageConfig(withRootfs(configBytes));
  const draft: DraftConfig = {
    platform: given.platform.architecture === "" ? parsePlatform(platform) : given.platform,
    author: given.author,
    defaults: given.defaults,
    history: historyOf(given.history, layers),
  };
  const finished = finishConfig(draft, { layers, epochMs });
  return given.created === undefined || epochMs !== undefined
    ? finished
    : { ...finished, created: given.created };
}

/** Front ends leave out what only the exporter knows. */
function withRootfs(configBytes: Uint8Array): Uint8Array {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(configBytes).toString());
  } catch {
    return configBytes;
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) return configBytes;
  return Buffer.from(JSON.stringify({ ...document, rootfs: { type: "layers", diff_ids: [] } }));
}

/** One entry for each layer: entries that are too many have none, and missing ones are added. */
function historyOf(given: ImageConfig["history"], layers: Layers): ImageConfig["history"] {
  let count = 0;
  const history = given.map((entry) => {
    const isEmpty = entry.emptyLayer || count >= layers.length;
    if (!isEmpty) count++;
    return { ...entry, emptyLayer: isEmpty };
  });
  const missing = layers.slice(count).map(({ createdBy }) => ({
    createdBy: createdBy ?? "",
    comment: "buildkit.exporter.image.v0",
    emptyLayer: false,
  }));
  return [...history, ...missing];
}
