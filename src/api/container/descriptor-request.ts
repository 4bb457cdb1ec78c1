import { readFields } from "../http/field-schemas.ts";
import type { DescriptorRequest } from "../types/tare.ts";

/** Parses and validates the body of `POST /tare/descriptors`. */
export function parseDescriptorRequest(body: unknown): DescriptorRequest {
  return readFields(body ?? {}, { Targets: "integers" }, "");
}
