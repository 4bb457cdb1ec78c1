import { readFields } from "../http/field-shapes.ts";
import type { DescriptorRequest } from "../types/tare.ts";

/** The body of `POST /tare/descriptors`, proven to be of its shape. */
export function parseDescriptorRequest(body: unknown): DescriptorRequest {
  return readFields(body ?? {}, { Targets: "integers" }, "");
}
