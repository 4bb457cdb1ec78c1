import type { StatementText } from "../../build/exporters/encode-export.ts";
import type { BaseImage, NamedContext } from "../../build/graph/graph-types.ts";
import { Failure } from "../../base/failure.ts";
import type { BuildWorker, Layers } from "../../build/solver/solver.ts";
import type { EncodedImage } from "../../image/commit.ts";
import type { BuildRequest, BuiltImage } from "../../model/builds.ts";
import { formatPlatform, type Platform } from "../../spec/platform.ts";

/** An image that a build has made, with its layers. */
export interface OpenResult {
  readonly image: EncodedImage;
  readonly layers: Layers;
  /** SOURCE_DATE_EPOCH. */
  readonly epochMs?: number | undefined;
  /** Of its build. */
  readonly worker: BuildWorker;
  readonly statements: readonly StatementText[];
}

export interface NamedContextOptions {
  readonly platform: Platform;
  readonly resolveImage: (reference: string, platform: Platform) => Promise<BaseImage>;
  /** Undefined: the result is closed. */
  readonly findResult: (image: BuiltImage) => OpenResult | undefined;
}

/**
 * What the context of a name puts in the place of an image or a stage: the one for the platform (`NAME::linux/arm64`) if
 * there is one. Undefined: there is none of the name.
 */
export async function findNamedContext(
  { contexts }: Pick<BuildRequest, "contexts">,
  name: string,
  { platform, resolveImage, findResult }: NamedContextOptions,
): Promise<NamedContext | undefined> {
  const key = [`${name}::${formatPlatform(platform)}`, name].find((each) => contexts.has(each));
  const found = key === undefined ? undefined : contexts.get(key);
  if (key === undefined || found === undefined) return undefined;
  switch (found.kind) {
    case "image":
      return { kind: "image", image: await resolveImage(found.reference, platform) };
    case "result":
      return { kind: "image", image: imageOf(name, findResult(found.image)) };
    case "directory":
    case "url":
      return { kind: "files", operation: { kind: "context", name: key } };
    default:
      return found satisfies never;
  }
}

function imageOf(name: string, result: OpenResult | undefined): BaseImage {
  if (result === undefined)
    throw new Failure("conflict", `cannot use the context "${name}": its build is closed`);
  const { image, layers } = result;
  return { reference: name, config: image.config, digest: image.manifestDigest, layers };
}
