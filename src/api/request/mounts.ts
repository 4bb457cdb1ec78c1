import { Failure } from "../../base/failure.ts";
import { type BindMount, isPropagation, parseBind, requireTarget } from "../bind-text.ts";
import type { HostConfig, Mount } from "../types/host-config.ts";

export type PlannedMount =
  | BindMount
  | { readonly kind: "tmpfs"; readonly target: string; readonly options?: string };

/** All mounts a request asks for: Binds, Mounts and Tmpfs. Failure("invalid") on a wrong one and on one path twice. */
export function planMounts({ Binds, Mounts, Tmpfs }: HostConfig): readonly PlannedMount[] {
  const mounts = [
    ...(Binds ?? []).map(parseBind),
    ...(Mounts ?? []).map(planMount),
    ...Object.entries(Tmpfs ?? {}).map(([target, options]) => planTmpfs(target, options)),
  ];
  const targets = new Set<string>();
  for (const { target } of mounts) {
    const key = target.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
    if (targets.has(key)) throw new Failure("invalid", `Duplicate mount point: ${key}`);
    targets.add(key);
  }
  return mounts;
}

function planMount(mount: Mount): PlannedMount {
  const text = `type=${mount.Type ?? ""},source=${mount.Source ?? ""},target=${mount.Target ?? ""}`;
  const { Target: target = "", Source: source = "" } = mount;
  switch (mount.Type) {
    case "bind":
      requireTarget(target, text);
      if (!source.startsWith("/")) throw refused(text, "the source must be an absolute path");
      return planBind(mount, { source, target, text });
    case "tmpfs":
      if (source !== "") throw refused(text, "a tmpfs has no source");
      return planTmpfs(target, tmpfsOptions(mount));
    case "volume":
    case "image":
    case "cluster":
    case "npipe":
      throw new Failure(
        "unsupported",
        `cannot mount "${text}": mounts of type ${mount.Type} are not supported yet`,
      );
    default:
      throw refused(text, "its type must be bind, volume, tmpfs or image");
  }
}

function planBind(
  mount: Mount,
  { source, target, text }: { readonly source: string; readonly target: string; readonly text: string },
): BindMount {
  const options = mount.BindOptions ?? {};
  if (options.NonRecursive === true || options.ReadOnlyNonRecursive === true) {
    throw new Failure(
      "unsupported",
      `cannot mount "${text}": binds that are not recursive are not supported yet`,
    );
  }
  const propagation = options.Propagation ?? "";
  if (propagation !== "" && !isPropagation(propagation)) {
    throw refused(text, `there is no propagation "${propagation.slice(0, 50)}"`);
  }
  return {
    kind: "bind",
    source,
    target,
    createSource: options.CreateMountpoint === true,
    ...(mount.ReadOnly === true ? { readonly: true } : {}),
    ...(propagation === "" ? {} : { propagation }),
  };
}

function planTmpfs(target: string, options: string | undefined): PlannedMount {
  requireTarget(target, target);
  return { kind: "tmpfs", target, ...(options === undefined || options === "" ? {} : { options }) };
}

function tmpfsOptions({ TmpfsOptions, ReadOnly }: Mount): string {
  const extra = TmpfsOptions?.Options;
  const words = Array.isArray(extra) ? extra.filter(Array.isArray).map((pair) => pair.join("=")) : [];
  if (ReadOnly === true) words.push("ro");
  if ((TmpfsOptions?.SizeBytes ?? 0) > 0) words.push(`size=${TmpfsOptions?.SizeBytes}`);
  if ((TmpfsOptions?.Mode ?? 0) > 0) words.push(`mode=${(TmpfsOptions?.Mode ?? 0).toString(8)}`);
  return words.join(",");
}

function refused(text: string, detail: string): Failure {
  return new Failure("invalid", `cannot read mount "${text.slice(0, 200)}": ${detail}`);
}
