import { Failure } from "../../base/failure.ts";
import { type FieldSchemas, readFields } from "../http/field-schemas.ts";
import type { VolumeCreateRequest } from "../types/volume.ts";

const schemas = {
  Name: "text",
  Driver: "text",
  DriverOpts: "text-map",
  Labels: "text-map",
  ClusterVolumeSpec: "any",
} as const satisfies FieldSchemas;

/** Parses and validates the body of `POST /volumes/create`; an empty body requests an anonymous volume. */
export function parseVolumeRequest(body: unknown): VolumeCreateRequest {
  const { ClusterVolumeSpec, ...request } = readFields(body ?? {}, schemas, "");
  if (ClusterVolumeSpec !== undefined) {
    throw new Failure("unsupported", "cannot create the volume: cluster volumes are not supported");
  }
  return request;
}
