import { Failure } from "../../base/failure.ts";
import type {
  AttestationOptions,
  BuildExport,
  BuildRequest,
  BuildResult,
  Builds,
  BuiltImage,
} from "../../model/builds.ts";
import { findStoredImage } from "../../model/stored-image.ts";
import { formatReference, parseReference, withDefaultTag } from "../../spec/reference.ts";
import { parseExportForm } from "../../api/image/export-form.ts";
import type { ClientSession } from "./client-session.ts";
import type { ProgressLog, StepProgress } from "./progress-log.ts";
import { sendBytes, sendTrees } from "./send-files.ts";

/** What a client wants of a result: `moby`, `image`, `docker`, `oci`, `local` or `tar`, with its attributes. */
export interface ExporterRequest {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ExportOptions extends Pick<BuildRequest, "findCredentials"> {
  readonly builds: Builds;
  readonly session: ClientSession;
  readonly progress: ProgressLog;
  readonly signal: AbortSignal;
  readonly isMultiPlatform: boolean;
}

/** Facts about the export for the client: `containerimage.digest`. */
type Facts = Readonly<Record<string, string>>;

/**
 * Exports a result, one exporter after the other; gives the facts that the client's answer has. Throws "invalid" for an
 * exporter or an attribute that is none.
 */
export async function exportResult(
  result: BuildResult,
  exporters: readonly ExporterRequest[],
  options: ExportOptions,
): Promise<Facts> {
  const facts: Record<string, string> = {};
  for (const [id, exporter] of exporters.entries())
    Object.assign(facts, await new Export(result, options, { exporter, id }).run());
  return facts;
}

class Export {
  readonly #built: BuildResult;
  #result: Pick<BuildResult, "images">;
  readonly #options: ExportOptions;
  readonly #exporter: ExporterRequest;
  /** Which of the client's outputs it is. */
  readonly #id: number;

  constructor(
    result: BuildResult,
    options: ExportOptions,
    { exporter, id }: { readonly exporter: ExporterRequest; readonly id: number },
  ) {
    this.#built = result;
    this.#result = result;
    this.#options = options;
    this.#exporter = exporter;
    this.#id = id;
  }

  async run(): Promise<Facts> {
    const { progress, builds, signal } = this.#options;
    if (isTrue(this.#exporter.attributes["rewrite-timestamp"]))
      this.#result = { images: await builds.clampTimes(this.#built, signal) };
    switch (this.#exporter.type) {
      case "moby":
      case "image":
        return await progress.step("exporting to image").run(async (step) => this.#toStore(step));
      case "docker":
        return await progress
          .step("exporting to docker image format")
          .run(async (step) => this.#toArchive(step, "docker"));
      case "oci":
        return await progress
          .step("exporting to oci image format")
          .run(async (step) => this.#toArchive(step, "oci"));
      case "local":
        return await progress
          .step("exporting to client directory")
          .run(async (step) => this.#toDirectory(step));
      case "tar":
        return await progress.step("exporting to client tarball").run(async (step) => this.#toTar(step));
      default:
        throw new Failure("invalid", `exporter "${this.#exporter.type}" could not be found`);
    }
  }

  async #toStore(step: StepProgress): Promise<Facts> {
    const { builds, signal, findCredentials } = this.#options;
    const { attributes, type } = this.#exporter;
    const references = this.#references();
    const options = { references, vertex: step.id, signal, onProgress: this.#options.progress.add };
    const layers = step.part("exporting layers");
    await builds.store(this.#result, options);
    layers.finish();
    const { images } = this.#result;
    const stored = findStoredImage(images);
    if (images.length > 1)
      step.log(`WARN: a name of the image store has one platform: ${stored?.platform ?? "none"}\n`);
    if (stored !== undefined) step.part(`writing image ${stored.id}`).finish();
    for (const reference of references) step.part(`naming to ${reference}`).finish();
    const isPushed = type === "image" && isTrue(attributes["push"]);
    if (!isPushed && isAsked(this.#built.attestations))
      step.log("WARN: the image store keeps no attestations: push the image, or export an OCI layout\n");
    // Docker's client pushes what it has exported as "moby" by the API.
    if (!isPushed) return this.#facts(references);
    if (references.length === 0) throw new Failure("invalid", "tag is needed when pushing to registry");
    const exported = await this.#export(references, { hasAttestations: true });
    await exported.push({
      findCredentials,
      insecure: isTrue(attributes["registry.insecure"]),
      byDigest: isTrue(attributes["push-by-digest"]),
      onPart: (text) => step.part(text).finish(),
      signal,
    });
    return this.#facts(references, exported.root);
  }

  async #toArchive(step: StepProgress, format: "docker" | "oci"): Promise<Facts> {
    const { session, signal } = this.#options;
    const references = this.#references();
    const isDirectory = this.#exporter.attributes["tar"] === "false";
    if (isDirectory)
      throw new Failure("unsupported", `the exporter "${format}" writes archives only: leave out tar=false`);
    const exported = await this.#export(references, { hasAttestations: format === "oci" });
    const facts = this.#facts(references, exported.root);
    const archive = exported.archive(format);
    const part = step.part("sending tarball");
    await sendBytes(session, archive, { exporter: this.#id, signal, facts, onProgress: part.update });
    part.finish();
    return facts;
  }

  async #export(
    references: readonly string[],
    { hasAttestations }: { readonly hasAttestations: boolean },
  ): Promise<BuildExport> {
    const { builds, signal, isMultiPlatform } = this.#options;
    const form = parseExportForm(this.#exporter.attributes);
    const options = { ...form, references, isIndex: isMultiPlatform, hasAttestations, signal };
    return await builds.export(this.#result, options);
  }

  async #toDirectory(step: StepProgress): Promise<Facts> {
    const { session, signal } = this.#options;
    await using opened = new AsyncDisposableStack();
    const trees = [];
    for (const image of this.#result.images)
      trees.push({ directory: this.#directoryOf(image), tree: opened.use(await image.openTree()) });
    // SPEC: fsutil: the client takes entries in the order of their paths alone.
    trees.sort((one, other) => (one.directory < other.directory ? -1 : 1));
    const part = step.part("copying files");
    await sendTrees(session, trees, { exporter: this.#id, signal, onProgress: part.update });
    part.finish();
    return {};
  }

  async #toTar(step: StepProgress): Promise<Facts> {
    const { session, signal } = this.#options;
    const [image, ...more] = this.#result.images;
    if (image === undefined) throw new Failure("invalid", "cannot export the result: there is none");
    if (more.length > 0)
      throw new Failure("unsupported", 'the exporter "tar" takes one platform only: use "local" for several');
    await using tree = await image.openTree();
    const part = step.part("sending tarball");
    await sendBytes(session, tree.tar(), { exporter: this.#id, signal, facts: {}, onProgress: part.update });
    part.finish();
    return {};
  }

  /** A directory for each platform, unless there is one that was not asked for as one of several. */
  #directoryOf({ platform }: BuiltImage): string {
    const split = this.#exporter.attributes["platform-split"];
    const isSplit = split === undefined ? this.#options.isMultiPlatform : isTrue(split);
    return isSplit ? platform.replaceAll("/", "_") : "";
  }

  /** Names in full. */
  #references(): readonly string[] {
    const names = (this.#exporter.attributes["name"] ?? "").split(",").filter((name) => name !== "");
    return names.map((name) => formatReference(withDefaultTag(parseReference(name))));
  }

  #facts(references: readonly string[], root?: BuildExport["root"]): Facts {
    const image = findStoredImage(this.#result.images);
    if (image === undefined) return {};
    const { digest, mediaType, size } = root ?? image.manifest;
    const descriptor = JSON.stringify({ mediaType, digest, size });
    return {
      "containerimage.config.digest": image.id,
      "containerimage.digest": digest,
      "containerimage.descriptor": Buffer.from(descriptor).toString("base64"),
      ...(references.length === 0 ? {} : { "image.name": references.join(",") }),
    };
  }
}

/** The client itself has asked for attestations. */
function isAsked({ provenance, sbom }: AttestationOptions = {}): boolean {
  return sbom !== undefined || (provenance !== undefined && provenance.inlineOnly !== true);
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ["1", "t", "true"].includes(value.toLowerCase());
}
