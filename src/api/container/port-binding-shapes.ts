import type { FieldShapes } from "../http/field-shapes.ts";

/** The fields of one `PortBinding`. */
export const portBindingShapes: FieldShapes = { HostIp: "text", HostPort: "text" };
