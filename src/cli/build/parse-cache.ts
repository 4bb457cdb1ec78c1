import type { BuildCacheRequest } from "../../api/types/build.ts";
import { Failure } from "../../base/failure.ts";
import { parseCsvFields } from "../flags/csv-fields.ts";

const types = ["inline", "registry"];

/** The value of `--cache-from` and `--cache-to`: a reference, or `type=registry,ref=…`. Throws "invalid", "unsupported". */
export function parseCache(text: string): BuildCacheRequest {
  const fields = parseCsvFields(text);
  if (fields.every((field) => !field.includes("="))) {
    const [ref = "", ...more] = fields;
    if (ref === "" || more.length > 0)
      throw new Failure("invalid", `invalid cache value: ${JSON.stringify(text)}`);
    return { Type: "registry", Attributes: { ref } };
  }
  let type = "";
  const attributes: Record<string, string> = {};
  for (const field of fields) {
    const equals = field.indexOf("=");
    if (equals <= 0) throw new Failure("invalid", `invalid value ${field}`);
    const key = field.slice(0, equals).trim().toLowerCase();
    if (key === "type") type = field.slice(equals + 1);
    else attributes[key] = field.slice(equals + 1);
  }
  if (type === "") throw new Failure("invalid", `type required form> ${JSON.stringify(text)}`);
  if (!types.includes(type))
    throw new Failure("unsupported", `the cache type "${type}" is not supported: use registry or inline`);
  if (type === "registry" && (attributes["ref"] ?? "") === "")
    throw new Failure("invalid", "ref is required for registry cache");
  return { Type: type, Attributes: attributes };
}
