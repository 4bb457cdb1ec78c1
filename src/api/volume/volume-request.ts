import { Failure } from "../../base/failure.ts";
import { type FieldShapes, readFields } from "../http/field-shapes.ts";
import type { VolumeCreateRequest } from "../types/volume.ts";

const shapes: FieldShapes = {
  Name: "text",
  Driver: "text",
  DriverOpts: "text-map",
  Labels: "text-map",
  ClusterVolumeSpec: "any",
};

/** Parses and validates the body of `POST /volumes/create`; an empty body requests an anonymous volume. */
export function parseVolumeRequest(body: unknown): VolumeCreateRequest {
  const { ClusterVolumeSpec, ...request } = readFields(body ?? {}, shapes, "");
  if (ClusterVolumeSpec !== undefined) {
    throw new Failure("unsupported", "cannot create the volume: cluster volumes are not supported");
  }
  return request as VolumeCreateRequest;
}
