import { Failure } from "../../base/failure.ts";
import { type FieldSchemas, readFields } from "../http/field-schemas.ts";
import type { ManifestAnnotation, ManifestListRequest } from "../types/manifest.ts";

const listSchemas = {
  Name: "text",
  Manifests: "texts",
  Amend: "boolean",
  Insecure: "boolean",
} as const satisfies FieldSchemas;
const annotationSchemas = {
  Manifest: "text",
  Os: "text",
  Architecture: "text",
  Variant: "text",
  OsVersion: "text",
  OsFeatures: "texts",
} as const satisfies FieldSchemas;

/** Parses and validates the body of `POST /tare/manifest-lists/create`. */
export function parseManifestListRequest(body: unknown): ManifestListRequest {
  const { Name, Manifests, ...others } = readFields(body ?? {}, listSchemas, "");
  if (Name === undefined || Manifests === undefined || Manifests.length === 0) {
    throw new Failure(
      "invalid",
      "cannot create a manifest list: Name and at least one of Manifests are needed",
    );
  }
  return { Name, Manifests, ...others };
}

/** Parses and validates the body of `POST /tare/manifest-lists/{name}/annotate`. */
export function parseManifestAnnotation(body: unknown): ManifestAnnotation {
  const { Manifest, ...others } = readFields(body ?? {}, annotationSchemas, "");
  if (Manifest === undefined) {
    throw new Failure("invalid", "cannot annotate a manifest list: the request names no Manifest");
  }
  return { Manifest, ...others };
}
