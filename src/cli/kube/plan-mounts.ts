import type { DeviceMapping, Mount } from "../../api/types/host-config.ts";
import type { SecretReference } from "../../api/types/secret.ts";
import type { VolumeCreateRequest } from "../../api/types/volume.ts";
import type { FieldReader } from "../../spec/kube/field-reader.ts";
import type { PodManifest } from "../../spec/kube/manifest.ts";
import { parseQuantity } from "../../spec/kube/quantity.ts";
import {
  expandVariables,
  findConfigMap,
  findSecret,
  secretNameOf,
  type Sources,
} from "./plan-environment.ts";

/** A file that a container gets, which the engine keeps as a secret. */
interface ConfigFile {
  /** Relative to the volume. */
  readonly path: string;
  readonly secret: string;
  /** Octal. */
  readonly mode?: string | undefined;
}

/** What a volume of a pod is. */
type PodVolume =
  | { readonly kind: "host"; readonly path: string; readonly isMade: boolean }
  | { readonly kind: "device"; readonly path: string }
  | { readonly kind: "volume"; readonly name: string; readonly isReadOnly: boolean }
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "files"; readonly files: readonly ConfigFile[] };

export interface PodVolumes {
  readonly byName: ReadonlyMap<string, PodVolume>;
  /** Volumes that live as long as the pod. */
  readonly created: readonly VolumeCreateRequest[];
}

/** The label of volumes that belong to a pod; its value is the pod's name. */
export const podVolumeLabel = "io.tare.kube.pod";

const hostTypes = [
  "DirectoryOrCreate",
  "Directory",
  "FileOrCreate",
  "File",
  "Socket",
  "CharDevice",
  "BlockDevice",
] as const;

export function planVolumes(pod: PodManifest, sources: Sources): PodVolumes {
  const byName = new Map<string, PodVolume>();
  const created: VolumeCreateRequest[] = [];
  for (const volume of pod.spec.objects("volumes")) {
    const name = volume.required("name");
    if (byName.has(name)) throw volume.refused("name", `two volumes have the name ${name}`);
    byName.set(name, planVolume(volume, { pod, name, sources, created }));
  }
  return { byName, created };
}

function planVolume(
  volume: FieldReader,
  {
    pod,
    name,
    sources,
    created,
  }: {
    readonly pod: PodManifest;
    readonly name: string;
    readonly sources: Sources;
    readonly created: VolumeCreateRequest[];
  },
): PodVolume {
  const host = volume.object("hostPath");
  if (host !== undefined) return planHostPath(host);
  const empty = volume.object("emptyDir");
  if (empty !== undefined) {
    const request = emptyVolume(empty, `${pod.name}-${name}`, pod);
    created.push(request);
    return { kind: "volume", name: `${pod.name}-${name}`, isReadOnly: false };
  }
  const claim = volume.object("persistentVolumeClaim");
  if (claim !== undefined) {
    const isReadOnly = claim.boolean("readOnly") ?? false;
    return { kind: "volume", name: claim.required("claimName"), isReadOnly };
  }
  const image = volume.object("image");
  if (image !== undefined) {
    image.skip("pullPolicy");
    return { kind: "image", reference: image.required("reference") };
  }
  const map = volume.object("configMap");
  if (map !== undefined) return { kind: "files", files: mapFiles(map, sources) };
  const secret = volume.object("secret");
  if (secret !== undefined) return { kind: "files", files: secretFiles(secret, sources, "secretName") };
  const projected = volume.object("projected");
  if (projected !== undefined) {
    const mode = projected.integer("defaultMode");
    const files = projected.objects("sources").flatMap((source) => {
      const [fromMap, fromSecret] = [source.object("configMap"), source.object("secret")];
      if (fromMap !== undefined) return mapFiles(fromMap, sources, mode);
      if (fromSecret !== undefined) return secretFiles(fromSecret, sources, "name", mode);
      throw source.refused("configMap", "only configMap and secret can be projected without a cluster");
    });
    return { kind: "files", files };
  }
  const [unread = volume.path] = volume.unread();
  throw volume.refused(
    "emptyDir",
    `${unread.slice(volume.path.length + 1)} is no kind of volume that works without a cluster`,
  );
}

function planHostPath(host: FieldReader): PodVolume {
  const path = host.required("path");
  if (!path.startsWith("/")) throw host.refused("path", `"${path}" is not absolute`);
  const type = host.word("type", hostTypes);
  if (type === "CharDevice" || type === "BlockDevice") return { kind: "device", path };
  return { kind: "host", path, isMade: type === "DirectoryOrCreate" };
}

function emptyVolume(empty: FieldReader, name: string, pod: PodManifest): VolumeCreateRequest {
  const limit = empty.scalar("sizeLimit");
  const bytes = limit === undefined ? undefined : Math.ceil(parseQuantity(limit, `${empty.path}.sizeLimit`));
  const medium = empty.text("medium") ?? "";
  const labels = { [podVolumeLabel]: pod.name };
  const group = pod.spec.object("securityContext")?.integer("fsGroup");
  // SPEC: Kubernetes: all users of the pod can write to it; what they make belongs to the group of the pod.
  const own = group === undefined ? { mode: "0777" } : { mode: "2777", gid: String(group) };
  if (medium === "") return { Name: name, Labels: labels, DriverOpts: own };
  if (medium !== "Memory") throw empty.refused("medium", `"${medium}" is neither "" nor Memory`);
  const size = bytes === undefined ? "" : `,size=${bytes}`;
  return {
    Name: name,
    Labels: labels,
    DriverOpts: {
      type: "tmpfs",
      device: "tmpfs",
      o: `${Object.entries(own)
        .map(([key, value]) => `${key}=${value}`)
        .join(",")}${size}`,
    },
  };
}

function mapFiles(map: FieldReader, sources: Sources, defaultMode?: number): readonly ConfigFile[] {
  const name = map.required("name");
  const found = findConfigMap(map, sources);
  return filesOf(map, found === undefined ? undefined : [...found.keys()], {
    kind: "configmap",
    name,
    defaultMode,
  });
}

function secretFiles(
  secret: FieldReader,
  sources: Sources,
  field: "name" | "secretName",
  defaultMode?: number,
): readonly ConfigFile[] {
  const name = secret.required(field);
  return filesOf(secret, findSecret(secret, sources, field), { kind: "secret", name, defaultMode });
}

/** All keys, or the items that are named. */
function filesOf(
  source: FieldReader,
  keys: readonly string[] | undefined,
  {
    kind,
    name,
    defaultMode,
  }: {
    readonly kind: "configmap" | "secret";
    readonly name: string;
    readonly defaultMode?: number | undefined;
  },
): readonly ConfigFile[] {
  const mode = source.integer("defaultMode") ?? defaultMode;
  const items = source.objects("items");
  const octal = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : `0${value.toString(8)}`;
  if (keys === undefined) return [];
  if (items.length === 0)
    return keys.map((key) => ({ path: key, secret: secretNameOf(kind, name, key), mode: octal(mode) }));
  return items.map((item) => {
    const key = item.required("key");
    const path = item.required("path");
    if (!keys.includes(key)) throw item.refused("key", `"${name}" has no key "${key}"`);
    if (path.startsWith("/") || path.split("/").includes(".."))
      throw item.refused("path", "must stay in the volume");
    return { path, secret: secretNameOf(kind, name, key), mode: octal(item.integer("mode") ?? mode) };
  });
}

export interface ContainerMounts {
  readonly mounts: readonly Mount[];
  readonly secrets: readonly SecretReference[];
  readonly devices: readonly DeviceMapping[];
}

const propagations = { None: "rprivate", HostToContainer: "rslave", Bidirectional: "rshared" } as const;

/** What a container sees of the pod's volumes. */
export function planMounts(
  container: FieldReader,
  { volumes, known }: { readonly volumes: PodVolumes; readonly known: ReadonlyMap<string, string> },
): ContainerMounts {
  const mounts: Mount[] = [];
  const secrets: SecretReference[] = [];
  const devices: DeviceMapping[] = [];
  for (const mount of container.objects("volumeMounts")) {
    const name = mount.required("name");
    const target = mount.required("mountPath");
    const volume = volumes.byName.get(name);
    if (volume === undefined) throw mount.refused("name", `the pod has no volume "${name}"`);
    const readOnly = mount.boolean("readOnly") ?? false;
    const below = expandVariables(mount.text("subPathExpr") ?? "", known);
    const subPath = below === "" ? (mount.text("subPath") ?? "") : below;
    if (subPath.startsWith("/") || subPath.split("/").includes(".."))
      throw mount.refused("subPath", "must stay in the volume");
    const propagation = mount.word("mountPropagation", ["None", "HostToContainer", "Bidirectional"]);
    const recursive = mount.word("recursiveReadOnly", ["Disabled", "IfPossible", "Enabled"]);
    switch (volume.kind) {
      case "host":
        mounts.push({
          Type: "bind",
          Source: subPath === "" ? volume.path : `${volume.path.replace(/\/$/, "")}/${subPath}`,
          Target: target,
          ReadOnly: readOnly,
          BindOptions: {
            ...(propagation === undefined ? {} : { Propagation: propagations[propagation] }),
            ...(volume.isMade ? { CreateMountpoint: true } : {}),
            ...(recursive === "Enabled" ? { ReadOnlyForceRecursive: true } : {}),
          },
        });
        break;
      case "device":
        devices.push({
          PathOnHost: volume.path,
          PathInContainer: target,
          CgroupPermissions: readOnly ? "r" : "rwm",
        });
        break;
      case "volume":
        mounts.push({
          Type: "volume",
          Source: volume.name,
          Target: target,
          ReadOnly: readOnly || volume.isReadOnly,
          ...(subPath === "" ? {} : { VolumeOptions: { Subpath: subPath } }),
        });
        break;
      case "image":
        mounts.push({
          Type: "image",
          Source: volume.reference,
          Target: target,
          ...(subPath === "" ? {} : { ImageOptions: { Subpath: subPath } }),
        });
        break;
      case "files":
        secrets.push(...volume.files.flatMap((file) => fileAt(file, target, subPath)));
        break;
      default:
        volume satisfies never;
    }
  }
  return { mounts, secrets, devices };
}

/** A file of a volume where it is mounted; with a subPath, that file or directory alone. */
function fileAt(
  { path, secret, mode }: ConfigFile,
  target: string,
  subPath: string,
): readonly SecretReference[] {
  const clean = target.replace(/\/$/, "");
  const rest = subPath === "" ? `/${path}` : path === subPath ? "" : findBelow(path, subPath);
  if (rest === undefined) return [];
  return [
    {
      Source: secret,
      Type: "mount",
      Target: `${clean}${rest}`,
      ...(mode === undefined ? {} : { Mode: mode }),
    },
  ];
}

function findBelow(path: string, directory: string): string | undefined {
  return path.startsWith(`${directory}/`) ? path.slice(directory.length) : undefined;
}
