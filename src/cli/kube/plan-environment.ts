import type { SecretReference } from "../../api/types/secret.ts";
import type { FieldReader } from "../../spec/kube/field-reader.ts";
import type { PodManifest } from "../../spec/kube/manifest.ts";
import { parseQuantity } from "../../spec/kube/quantity.ts";

/** What pods can refer to by name. */
export interface Sources {
  /** Of the file, and of --configmap. */
  readonly configMaps: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
  /** The keys of each secret: of the file, and of former ones that the engine has. */
  readonly secrets: ReadonlyMap<string, readonly string[]>;
}

/** The name that the engine's secret for a key has. */
export function secretNameOf(kind: "secret" | "configmap", name: string, key: string): string {
  return kind === "secret" ? `${name}.${key}` : `configmap.${name}.${key}`;
}

export interface Environment {
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** Values that nothing shows. */
  readonly secrets: readonly SecretReference[];
  /** The values that `$(NAME)` stands for. */
  readonly known: ReadonlyMap<string, string>;
}

/** The variables of a container: envFrom first, then env, of which the last one of a name counts. */
export function planEnvironment(
  container: FieldReader,
  { pod, sources }: { readonly pod: PodManifest; readonly sources: Sources },
): Environment {
  const known = new Map<string, string>();
  const secrets = new Map<string, SecretReference>();
  const set = (name: string, value: string): void => {
    known.set(name, value);
    secrets.delete(name);
  };
  const setSecret = (name: string, source: string): void => {
    known.delete(name);
    secrets.set(name, { Source: source, Type: "env", Target: name });
  };
  for (const from of container.objects("envFrom")) {
    const prefix = from.text("prefix") ?? "";
    const map = from.object("configMapRef");
    const secret = from.object("secretRef");
    for (const [key, value] of map === undefined
      ? []
      : (findConfigMap(map, sources) ?? new Map<string, Uint8Array>()))
      set(`${prefix}${key}`, Buffer.from(value).toString());
    const name = secret?.required("name") ?? "";
    for (const key of secret === undefined ? [] : (findSecret(secret, sources) ?? []))
      setSecret(`${prefix}${key}`, secretNameOf("secret", name, key));
  }
  for (const variable of container.objects("env")) {
    const name = variable.required("name");
    const from = variable.object("valueFrom");
    if (from === undefined) {
      set(name, expandVariables(variable.scalar("value") ?? "", known));
      continue;
    }
    const key = from.object("configMapKeyRef");
    const secret = from.object("secretKeyRef");
    if (key !== undefined) {
      const value = findKey(key, sources);
      if (value !== undefined) set(name, Buffer.from(value).toString());
    } else if (secret !== undefined) {
      const source = findSecretKey(secret, sources);
      if (source !== undefined) setSecret(name, source);
    } else set(name, fieldOf(from, container, pod));
  }
  return {
    env: [...known].map(([name, value]) => `${name}=${value}`),
    secrets: [...secrets.values()],
    known,
  };
}

/** The map that a reference names; undefined where it is optional and absent. */
export function findConfigMap(
  reference: FieldReader,
  { configMaps }: Sources,
): ReadonlyMap<string, Uint8Array> | undefined {
  const name = reference.required("name");
  const isOptional = reference.boolean("optional") ?? false;
  const found = configMaps.get(name);
  if (found !== undefined || isOptional) return found;
  throw reference.refused(
    "name",
    `there is no ConfigMap "${name}" in the file: add it, or name its file by --configmap`,
  );
}

/** The keys of the secret that a reference names by the field `field`. */
export function findSecret(
  reference: FieldReader,
  { secrets }: Sources,
  field: "name" | "secretName" = "name",
): readonly string[] | undefined {
  const name = reference.required(field);
  const isOptional = reference.boolean("optional") ?? false;
  const found = secrets.get(name);
  if (found !== undefined || isOptional) return found;
  throw reference.refused(field, `there is no Secret "${name}": add it to the file, or play its file before`);
}

function findKey(reference: FieldReader, sources: Sources): Uint8Array | undefined {
  const key = reference.required("key");
  const value = findConfigMap(reference, sources)?.get(key);
  if (value !== undefined || reference.boolean("optional") === true) return value;
  throw reference.refused("key", `the ConfigMap has no key "${key}"`);
}

function findSecretKey(reference: FieldReader, sources: Sources): string | undefined {
  const key = reference.required("key");
  const name = reference.required("name");
  const found = findSecret(reference, sources)?.includes(key) ?? false;
  if (found) return secretNameOf("secret", name, key);
  if (reference.boolean("optional") === true) return undefined;
  throw reference.refused("key", `the Secret "${name}" has no key "${key}"`);
}

/** A value that the pod, or a limit of the container, has. */
function fieldOf(from: FieldReader, container: FieldReader, pod: PodManifest): string {
  const field = from.object("fieldRef");
  if (field !== undefined) {
    field.skip("apiVersion");
    const path = field.required("fieldPath");
    const [, table, key = ""] = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path) ?? [];
    if (table === "labels") return pod.labels[key] ?? "";
    if (table === "annotations") return pod.annotations[key] ?? "";
    if (path === "metadata.name") return pod.name;
    if (path === "metadata.namespace") return pod.namespace;
    throw field.refused("fieldPath", `"${path}" is not known without a cluster`);
  }
  const resource = from.object("resourceFieldRef");
  if (resource === undefined) throw from.refused("configMapKeyRef", "no source is named that is known");
  resource.skip("containerName");
  const name = resource.required("resource");
  const divisor = parseQuantity(resource.scalar("divisor") ?? "1", `${resource.path}.divisor`) || 1;
  const [, group = "", limit = ""] = /^(limits|requests)\.(.+)$/.exec(name) ?? [];
  const given = container.object("resources")?.map(group, { takesNumbers: true })[limit];
  if (given === undefined) throw resource.refused("resource", `the container has no ${name}`);
  return String(Math.ceil(parseQuantity(given, resource.path) / divisor));
}

/**
 * Replaces `$(NAME)` by the variable's value; `$$` stands for `$`, and names that are not known stay.
 * SPEC: Kubernetes, "Define dependent environment variables".
 */
export function expandVariables(text: string, known: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\$|\$\(([^()]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (known.get(name) ?? whole),
  );
}
