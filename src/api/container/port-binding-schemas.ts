import type { PortBinding } from "../types/host-config.ts";
import type { SchemasOf } from "../http/field-schemas.ts";

/** The fields of one `PortBinding`. */
export const portBindingSchemas: SchemasOf<PortBinding> = { HostIp: "text", HostPort: "text" };
