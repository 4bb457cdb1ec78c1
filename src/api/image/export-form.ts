import { Failure } from "../../base/failure.ts";
import type { ExportOptions } from "../../model/builds.ts";

type Form = Pick<ExportOptions, "compression" | "annotations">;

const annotationKey =
  /^annotation(?:-(manifest|index|manifest-descriptor|index-descriptor))?(\[[^\]]*\])?\.(.+)$/;

/**
 * The form that the attributes of an exporter ask for. SPEC: BuildKit, exporter attributes. Throws "invalid", and
 * "unsupported" for a compression that there is not. Pure.
 */
export function parseExportForm(attributes: Readonly<Record<string, string>>): Form {
  const manifest: Record<string, string> = {};
  const index: Record<string, string> = {};
  const manifestDescriptor: Record<string, string> = {};
  for (const [key, value] of Object.entries(attributes)) {
    const match = annotationKey.exec(key);
    if (match === null) continue;
    const [, where = "manifest", platform, name = ""] = match;
    if (platform !== undefined)
      throw new Failure("unsupported", `annotations for one platform are not supported: ${key}`);
    if (where === "manifest") manifest[name] = value;
    else if (where === "index") index[name] = value;
    else if (where === "manifest-descriptor") manifestDescriptor[name] = value;
  }
  return {
    compression: compressionOf(attributes["compression"]),
    annotations: {
      manifest: filled(manifest),
      index: filled(index),
      manifestDescriptor: filled(manifestDescriptor),
    },
  };
}

function compressionOf(text: string | undefined): Form["compression"] {
  switch (text) {
    case undefined:
    case "":
      return undefined;
    case "gzip":
    case "zstd":
    case "uncompressed":
      return text;
    case "estargz":
      throw new Failure("unsupported", "the compression estargz is not supported: use gzip or zstd");
    default:
      throw new Failure("invalid", `unsupported layer compression type ${text}`);
  }
}

function filled(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  return Object.keys(values).length === 0 ? undefined : values;
}
