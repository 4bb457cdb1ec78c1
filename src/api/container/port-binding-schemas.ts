import type { FieldSchemas } from "../http/field-schemas.ts";

/** The fields of one `PortBinding`. */
export const portBindingSchemas: FieldSchemas = { HostIp: "text", HostPort: "text" };
