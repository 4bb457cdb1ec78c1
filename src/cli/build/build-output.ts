import { Failure } from "../../base/failure.ts";
import { parseCsvFields } from "../flags/csv-fields.ts";

/** What is made of a build. */
export type BuildOutput =
  /** An image of the engine, which is pushed, too. */
  | { readonly kind: "image"; readonly push: boolean; readonly names: readonly string[] }
  /** The result stays in the cache. */
  | { readonly kind: "none" }
  /** The files, in a directory. */
  | { readonly kind: "local"; readonly directory: string }
  /** An archive of the files or the image; "-": standard output. */
  | { readonly kind: "tar" | "docker" | "oci"; readonly file: string };

/** The value of `--output`. Throws "invalid" in BuildKit's words. */
export function parseOutput(text: string): BuildOutput {
  const fields = parseCsvFields(text);
  const [only = ""] = fields;
  if (fields.length === 1 && !only.includes("=")) {
    return only === "-" ? { kind: "tar", file: "-" } : { kind: "local", directory: only };
  }
  const values = new Map<string, string>();
  for (const field of fields) {
    const equals = field.indexOf("=");
    if (equals < 0) throw new Failure("invalid", `invalid value ${field}`);
    values.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
  }
  const type = values.get("type") ?? "";
  const destination = values.get("dest") ?? "";
  for (const key of values.keys()) {
    if (!(known[type] ?? ["type"]).includes(key))
      throw new Failure("invalid", `cannot use the output option "${key}" with type "${type}"`);
  }
  switch (type) {
    case "local":
      if (destination === "") throw new Failure("invalid", "dest is required for local output");
      return { kind: "local", directory: destination };
    case "tar":
    case "oci":
      return { kind: type, file: destination === "" ? "-" : destination };
    case "docker":
      return destination === ""
        ? { kind: "image", push: false, names: namesIn(values) }
        : { kind: "docker", file: destination };
    case "image":
    case "registry": {
      const push = type === "registry" || isTrue(values.get("push"));
      return { kind: "image", push, names: namesIn(values) };
    }
    case "cacheonly":
      return { kind: "none" };
    case "":
      throw new Failure("invalid", "type is required for output");
    default:
      throw new Failure("invalid", `unsupported output type ${JSON.stringify(type)}`);
  }
}

const known: Readonly<Record<string, readonly string[]>> = {
  local: ["type", "dest"],
  tar: ["type", "dest"],
  docker: ["type", "dest", "name"],
  oci: ["type", "dest", "name", "tar"],
  image: ["type", "name", "push"],
  registry: ["type", "name"],
  cacheonly: ["type"],
};

function namesIn(values: ReadonlyMap<string, string>): readonly string[] {
  return (values.get("name") ?? "").split(",").filter((name) => name !== "");
}

function isTrue(text: string | undefined): boolean {
  return text === "true" || text === "1" || text === "";
}
