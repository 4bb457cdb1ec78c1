import { Failure } from "../../base/failure.ts";
import { parseCsvFields } from "../flags/csv-fields.ts";

type Attributes = Readonly<Record<string, string>>;

/** What is made of a build. */
export type BuildOutput =
  /** An image of the engine, which is pushed, too, with `push=true`. */
  | { readonly kind: "image"; readonly names: readonly string[]; readonly attributes: Attributes }
  /** The result stays in the cache. */
  | { readonly kind: "none" }
  /** The files, in a directory. */
  | { readonly kind: "local"; readonly directory: string }
  /** An archive of the files; "-": standard output. */
  | { readonly kind: "tar"; readonly file: string }
  /** An archive of the image. */
  | {
      readonly kind: "docker" | "oci";
      readonly file: string;
      readonly names: readonly string[];
      readonly attributes: Attributes;
    }
  /** An OCI layout, in a directory. */
  | {
      readonly kind: "oci-directory";
      readonly directory: string;
      readonly names: readonly string[];
      readonly attributes: Attributes;
    };

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
    const isKnown =
      (known[type] ?? ["type"]).includes(key) || (isImage(type) && key.startsWith("annotation"));
    if (!isKnown) throw new Failure("invalid", `cannot use the output option "${key}" with type "${type}"`);
  }
  const image = { names: namesIn(values), attributes: attributesIn(values) };
  switch (type) {
    case "local":
      if (destination === "") throw new Failure("invalid", "dest is required for local output");
      return { kind: "local", directory: destination };
    case "tar":
      return { kind: type, file: destination === "" ? "-" : destination };
    case "oci":
      if (isFalse(values.get("tar"))) {
        if (destination === "")
          throw new Failure("invalid", "dest is required for an OCI layout without tar");
        return { kind: "oci-directory", directory: destination, ...image };
      }
      return { kind: type, file: destination === "" ? "-" : destination, ...image };
    case "docker":
      return destination === ""
        ? { kind: "image", ...image }
        : { kind: "docker", file: destination, ...image };
    case "image":
    case "registry": {
      const { push: _, ...others } = image.attributes;
      const isPushed = type === "registry" || isTrue(values.get("push"));
      return { kind: "image", ...image, attributes: isPushed ? { ...others, push: "true" } : others };
    }
    case "cacheonly":
      return { kind: "none" };
    case "":
      throw new Failure("invalid", "type is required for output");
    default:
      throw new Failure("invalid", `unsupported output type ${JSON.stringify(type)}`);
  }
}

/** The value of `--annotation` as an attribute of an output: `annotation-index.KEY`. Throws "invalid". */
export function parseAnnotation(text: string): readonly [attribute: string, value: string] {
  const match = /^(?:(manifest|index|manifest-descriptor):)?([^=]+)=(.*)$/s.exec(text);
  if (match === null)
    throw new Failure("invalid", `invalid annotation ${JSON.stringify(text)}: want key=value`);
  const [, where, key = "", value = ""] = match;
  return [`annotation${where === undefined || where === "manifest" ? "" : `-${where}`}.${key}`, value];
}

const ofImages = ["type", "name", "compression", "oci-mediatypes", "rewrite-timestamp"];
const known: Readonly<Record<string, readonly string[]>> = {
  local: ["type", "dest"],
  tar: ["type", "dest"],
  docker: [...ofImages, "dest"],
  oci: [...ofImages, "dest", "tar"],
  image: [...ofImages, "push"],
  registry: ofImages,
  cacheonly: ["type"],
};

function isImage(type: string): boolean {
  return known[type]?.includes("name") === true;
}

function namesIn(values: ReadonlyMap<string, string>): readonly string[] {
  return (values.get("name") ?? "").split(",").filter((name) => name !== "");
}

function attributesIn(values: ReadonlyMap<string, string>): Attributes {
  return Object.fromEntries([...values].filter(([key]) => !["type", "name", "dest", "tar"].includes(key)));
}

function isTrue(text: string | undefined): boolean {
  return text === "true" || text === "1" || text === "";
}

function isFalse(text: string | undefined): boolean {
  return text === "false" || text === "0";
}
