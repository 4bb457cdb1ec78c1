import { Failure } from "../../base/failure.ts";
import { isRecord } from "../../base/is-record.ts";
import { parseYamlDocuments } from "../yaml.ts";
import { FieldReader } from "./field-reader.ts";

/** A pod of a manifest: its own, or the one that a workload is made of. */
export interface PodManifest {
  /** The name that the pod gets. */
  readonly name: string;
  /** `Pod web`, for messages. */
  readonly owner: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: FieldReader;
  /** Of a Job, whose pods end. */
  readonly defaultRestart: "Always" | "OnFailure";
}

/** Texts or bytes by key, of a ConfigMap or Secret. */
export interface ConfigManifest {
  readonly name: string;
  readonly entries: ReadonlyMap<string, Uint8Array>;
}

/** A PersistentVolumeClaim: a volume of the engine. */
export interface ClaimManifest {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly driver?: string | undefined;
  readonly options: Readonly<Record<string, string>>;
}

/** All objects of a file, and sentences on what is ignored in it. */
export interface Manifest {
  readonly pods: readonly PodManifest[];
  readonly configMaps: readonly ConfigManifest[];
  readonly secrets: readonly ConfigManifest[];
  readonly claims: readonly ClaimManifest[];
  readonly warnings: readonly string[];
}

/** The kinds that are made of pods. */
const workloads = ["Deployment", "DaemonSet", "Job", "ReplicaSet", "StatefulSet"] as const;
const mostObjects = 1000;

/** Reads a file of Kubernetes' objects. Throws Failure("invalid") with the path of what is wrong. */
export function parseManifest(text: string): Manifest {
  const objects = parseYamlDocuments(text).flatMap(flattenList);
  if (objects.length === 0) throw new Failure("invalid", "it has no object of Kubernetes");
  if (objects.length > mostObjects) throw new Failure("invalid", `it has more than ${mostObjects} objects`);
  const pods: PodManifest[] = [];
  const configMaps: ConfigManifest[] = [];
  const secrets: ConfigManifest[] = [];
  const claims: ClaimManifest[] = [];
  const warnings: string[] = [];
  for (const [index, value] of objects.entries()) {
    const object = new FieldReader(value, `object ${index + 1}`);
    const kind = object.required("kind");
    object.skip("apiVersion");
    const meta = object.object("metadata");
    const name = meta?.text("name") ?? "";
    const at = new FieldReader(value, `${kind} ${name === "" ? index + 1 : name}`);
    switch (kind) {
      case "Pod":
        pods.push(readPod(at));
        break;
      case "ConfigMap":
        configMaps.push(readConfigMap(at));
        break;
      case "Secret":
        secrets.push(readSecret(at));
        break;
      case "PersistentVolumeClaim":
        claims.push(readClaim(at));
        break;
      default:
        if (workloads.some((each) => each === kind)) pods.push(readWorkload(at, kind, warnings));
        else warnings.push(`${at.path} is ignored: the kind needs a cluster`);
    }
  }
  const names = pods.map((pod) => pod.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Failure("invalid", `two pods have the name ${twice}`);
  return { pods, configMaps, secrets, claims, warnings };
}

function flattenList(value: unknown): readonly unknown[] {
  const items = isRecord(value) && value["kind"] === "List" ? value["items"] : undefined;
  return Array.isArray(items) ? items : [value];
}

interface Metadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

function readMetadata(object: FieldReader): Metadata {
  const meta = object.object("metadata");
  const name = meta?.required("name");
  if (meta === undefined || name === undefined) throw object.refused("metadata.name", "is missing");
  // SPEC: Kubernetes: names are DNS subdomains.
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name)) {
    throw object.refused("metadata.name", `"${name}" is no name: use a-z, 0-9, "-" and "."`);
  }
  return { name, ...readLabels(meta) };
}

function readLabels(meta: FieldReader | undefined): Omit<Metadata, "name"> {
  return {
    namespace: meta?.text("namespace") ?? "default",
    labels: meta?.map("labels") ?? {},
    annotations: meta?.map("annotations") ?? {},
  };
}

function readSpec(object: FieldReader): FieldReader {
  const spec = object.object("spec");
  if (spec === undefined) throw object.refused("spec", "is missing");
  return spec;
}

function readPod(object: FieldReader): PodManifest {
  const meta = readMetadata(object);
  return { ...meta, owner: object.path, spec: readSpec(object), defaultRestart: "Always" };
}

function readWorkload(object: FieldReader, kind: string, warnings: string[]): PodManifest {
  const { name, namespace } = readMetadata(object);
  const spec = readSpec(object);
  const template = spec.object("template");
  if (template === undefined) throw spec.refused("template", "is missing");
  const replicas = spec.integer("replicas") ?? spec.integer("completions") ?? 1;
  if (replicas > 1) warnings.push(`${object.path} runs once, not ${replicas} times`);
  const { labels, annotations } = readLabels(template.object("metadata"));
  return {
    // As podman names it.
    name: `${name}-pod`,
    owner: object.path,
    namespace,
    labels,
    annotations,
    spec: readSpec(template),
    defaultRestart: kind === "Job" ? "OnFailure" : "Always",
  };
}

function readConfigMap(object: FieldReader): ConfigManifest {
  const { name } = readMetadata(object);
  const texts = Object.entries(object.map("data")).map(([key, value]) => [key, Buffer.from(value)] as const);
  return { name, entries: new Map<string, Uint8Array>([...texts, ...bytesOf(object, "binaryData")]) };
}

function readSecret(object: FieldReader): ConfigManifest {
  const { name } = readMetadata(object);
  const texts = Object.entries(object.map("stringData")).map(
    ([key, value]) => [key, Buffer.from(value)] as const,
  );
  return { name, entries: new Map<string, Uint8Array>([...bytesOf(object, "data"), ...texts]) };
}

function bytesOf(object: FieldReader, field: string): readonly (readonly [string, Uint8Array])[] {
  return Object.entries(object.map(field)).map(([key, value]) => {
    const text = value.replaceAll(/\s/g, "");
    const bytes = Buffer.from(text, "base64");
    if (bytes.toString("base64") !== text) throw object.refused(`${field}.${key}`, "is no base64");
    return [key, bytes];
  });
}

/** SPEC: podman's annotations of volumes. */
const claimAnnotations = {
  driver: "volume.podman.io/driver",
  device: "volume.podman.io/device",
  type: "volume.podman.io/type",
  o: "volume.podman.io/mount-options",
};

function readClaim(object: FieldReader): ClaimManifest {
  const { name, labels, annotations } = readMetadata(object);
  const option = (key: "device" | "type" | "o"): readonly [string, string][] => {
    const value = annotations[claimAnnotations[key]];
    return value === undefined ? [] : [[key, value]];
  };
  const options = Object.fromEntries([...option("device"), ...option("type"), ...option("o")]);
  return { name, labels, driver: annotations[claimAnnotations.driver], options };
}
