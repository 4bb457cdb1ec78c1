import { Failure } from "../../base/failure.ts";
import { parseIdmapOption } from "../../spec/idmap-option.ts";
import {
  extraField,
  isMountMode,
  isPropagation,
  missingField,
  mountFailure,
  parseBind,
  requireTarget,
} from "./bind-text.ts";
import type { BindMount, ContainerMount, ImageMount, TmpfsMount, VolumeMount } from "../../model/mounts.ts";
import type { HostConfig, Mount } from "../types/host-config.ts";

/** All mounts a request asks for: Binds, Mounts and Tmpfs. Failure("invalid") on a wrong one and on one path twice. */
export function parseMounts({
  Binds,
  Mounts,
  Tmpfs,
  VolumeDriver = "",
}: HostConfig): readonly ContainerMount[] {
  const mounts = [
    ...(Binds ?? []).map((text) => parseBind(text, VolumeDriver)),
    ...(Mounts ?? []).map((mount) => parseMount(mount, VolumeDriver)),
    ...Object.entries(Tmpfs ?? {}).map(([target, options]) => parseTmpfs(target, options)),
  ];
  const targets = new Set<string>();
  for (const { target } of mounts) {
    const key = target.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
    if (targets.has(key)) throw new Failure("invalid", `Duplicate mount point: ${key}`);
    targets.add(key);
  }
  return mounts;
}

/** `container[:ro|rw]` of `--volumes-from`. */
export function parseVolumesFrom(
  texts: readonly string[] | null | undefined,
): readonly { readonly container: string; readonly readonly?: boolean | undefined }[] {
  return (texts ?? []).map((text) => {
    const at = text.indexOf(":");
    const [container, mode] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
    if (container === "") {
      throw new Failure(
        "invalid",
        "invalid volume specification: 'volumes-from specification cannot be an empty string'",
      );
    }
    const options = mode.split(",");
    if (!isMountMode(mode) || options.some((option) => isPropagation(option) || option === "nocopy")) {
      throw new Failure("invalid", `invalid mode: ${mode.slice(0, 100)}`);
    }
    return { container, readonly: options.includes("ro") || undefined };
  });
}

function parseMount(mount: Mount, volumeDriver: string): ContainerMount {
  const { Type: type = "", Target: target = "" } = mount;
  switch (type) {
    case "bind":
      requireTarget(target, type);
      return parseBindMount(mount);
    case "volume":
      requireTarget(target, type);
      return parseVolume(mount, volumeDriver);
    case "tmpfs":
      requireTarget(target, type);
      if (mount.BindOptions) throw extraField(type, "BindOptions");
      if ((mount.Source ?? "") !== "") throw extraField(type, "Source");
      if (mount.VolumeOptions) throw extraField(type, "VolumeOptions");
      return parseTmpfs(target, tmpfsOptions(mount));
    case "image":
      requireTarget(target, type);
      return parseImage(mount);
    case "cluster":
      throw new Failure(
        "unsupported",
        `cannot mount at "${target}": mounts of type cluster need a cluster, which there is none of`,
      );
    case "npipe":
      throw mountFailure(type, "named pipes are Windows' own");
    default:
      throw mountFailure(type, "mount type unknown");
  }
}

function parseBindMount(mount: Mount): BindMount {
  const { Source: source = "", Target: target = "", ReadOnly: readonly = false } = mount;
  const options = mount.BindOptions ?? {};
  if (source === "") throw missingField("bind", "Source");
  if (mount.VolumeOptions) throw extraField("bind", "VolumeOptions");
  if (!source.startsWith("/")) {
    throw mountFailure("bind", `invalid mount path: '${source.slice(0, 200)}' mount path must be absolute`);
  }
  const propagation = options.Propagation ?? "";
  if (propagation !== "" && !isPropagation(propagation)) {
    throw mountFailure("bind", `invalid propagation mode: ${propagation.slice(0, 50)}`);
  }
  if (options.NonRecursive === true && (options.ReadOnlyNonRecursive || options.ReadOnlyForceRecursive)) {
    throw mountFailure(
      "bind",
      "mount options conflict: ReadOnlyNonRecursive and ReadOnlyForceRecursive need a recursive bind",
    );
  }
  if (options.ReadOnlyNonRecursive === true && options.ReadOnlyForceRecursive === true) {
    throw mountFailure(
      "bind",
      "mount options conflict: ReadOnlyNonRecursive and ReadOnlyForceRecursive exclude each other",
    );
  }
  if (!readonly && (options.ReadOnlyNonRecursive || options.ReadOnlyForceRecursive)) {
    throw mountFailure(
      "bind",
      "mount options conflict: ReadOnlyNonRecursive and ReadOnlyForceRecursive need ReadOnly",
    );
  }
  return {
    kind: "bind",
    source,
    target,
    createSource: options.CreateMountpoint === true,
    readonly: readonly || undefined,
    propagation: propagation || undefined,
    recursive: options.NonRecursive === true ? false : undefined,
    readonlyBelow: options.ReadOnlyNonRecursive === true ? false : undefined,
    idmap: typeof options.IdMap === "string" ? parseIdmapOption(options.IdMap) : undefined,
  };
}

function parseVolume(mount: Mount, volumeDriver: string): VolumeMount {
  const { Source: name = "", Target: target = "", ReadOnly: readonly = false } = mount;
  const { NoCopy, Labels, DriverConfig, Subpath = "" } = mount.VolumeOptions ?? {};
  if (mount.BindOptions) throw extraField("volume", "BindOptions");
  if (name === "" && readonly) {
    throw mountFailure("volume", "must not set ReadOnly mode when using anonymous volumes");
  }
  if (name === "" && Subpath !== "")
    throw mountFailure("volume", "must not set Subpath when using anonymous volumes");
  if (Subpath.startsWith("/") || /(?:^|\/)\.\.(?:\/|$)/.test(Subpath)) {
    throw mountFailure("volume", "subpath must be a relative path within the volume");
  }
  const driver = DriverConfig?.Name || volumeDriver;
  return {
    kind: "volume",
    target,
    name: name || undefined,
    readonly: readonly || undefined,
    copy: NoCopy === true ? false : undefined,
    subpath: Subpath || undefined,
    driver: driver || undefined,
    options: DriverConfig?.Options ?? undefined,
    labels: Labels ?? undefined,
  };
}

function parseImage(mount: Mount): ImageMount {
  const { Source: image = "", Target: target = "" } = mount;
  const { Subpath: subpath = "" } = mount.ImageOptions ?? {};
  if (image === "") throw missingField("image", "Source");
  if (mount.BindOptions) throw extraField("image", "BindOptions");
  if (mount.VolumeOptions) throw extraField("image", "VolumeOptions");
  if (subpath.startsWith("/") || /(?:^|\/)\.\.(?:\/|$)/.test(subpath)) {
    throw mountFailure("image", "subpath must be a relative path within the image");
  }
  return { kind: "image", target, image, subpath: subpath || undefined };
}

function parseTmpfs(target: string, options: string | undefined): TmpfsMount {
  requireTarget(target, "tmpfs");
  return { kind: "tmpfs", target, options: options || undefined };
}

/** `[name]` or `[name, value]`. */
function tmpfsOptions({ TmpfsOptions, ReadOnly }: Mount): string {
  const words = (TmpfsOptions?.Options ?? []).map((option) => option.join("="));
  if (ReadOnly === true) words.push("ro");
  if ((TmpfsOptions?.SizeBytes ?? 0) > 0) words.push(`size=${TmpfsOptions?.SizeBytes}`);
  if ((TmpfsOptions?.Mode ?? 0) > 0) words.push(`mode=${(TmpfsOptions?.Mode ?? 0).toString(8)}`);
  return words.join(",");
}
