import { join } from "node:path";
import type { HostConfig } from "../../api/types/host-config.ts";
import type { FieldReader } from "../../spec/kube/field-reader.ts";

/** What a pod's security context says for all of its containers. */
export interface PodSecurity {
  readonly context?: FieldReader | undefined;
}

export interface ContainerSecurity {
  readonly host: HostConfig;
  /** `uid`, `uid:gid`; absent: the image's. */
  readonly user?: string | undefined;
  readonly refusesRoot: boolean;
}

export interface ProfileSource {
  readonly security: PodSecurity;
  readonly seccompRoot: string;
  readonly readFile: (path: string) => string;
}

/** A container's own settings come before those of the pod. */
export function planSecurity(container: FieldReader, source: ProfileSource): ContainerSecurity {
  const own = container.object("securityContext");
  const { context: pod } = source.security;
  const capabilities = own?.object("capabilities");
  const uid = own?.integer("runAsUser") ?? pod?.integer("runAsUser");
  const gid = own?.integer("runAsGroup") ?? pod?.integer("runAsGroup");
  const group = pod?.integer("fsGroup");
  const groups = [
    ...(pod?.integers("supplementalGroups") ?? []),
    ...(group === undefined ? [] : [group]),
  ].map(String);
  pod?.skip("fsGroupChangePolicy", "supplementalGroupsPolicy");
  const isUnmasked = own?.word("procMount", ["Default", "Unmasked"]) === "Unmasked";
  const options = [
    ...(own?.boolean("allowPrivilegeEscalation") === false ? ["no-new-privileges"] : []),
    ...seccompOf(own, pod, source),
    ...apparmorOf(own ?? pod),
    ...labelsOf(own?.object("seLinuxOptions") ?? pod?.object("seLinuxOptions")),
  ];
  return {
    host: {
      Privileged: own?.boolean("privileged") ?? false,
      CapAdd: capabilities?.texts("add") ?? [],
      CapDrop: capabilities?.texts("drop") ?? [],
      ReadonlyRootfs: own?.boolean("readOnlyRootFilesystem") ?? false,
      ...(groups.length === 0 ? {} : { GroupAdd: groups }),
      ...(options.length === 0 ? {} : { SecurityOpt: options }),
      ...(isUnmasked ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    },
    user: userOf(uid, gid, own ?? pod),
    refusesRoot: own?.boolean("runAsNonRoot") ?? pod?.boolean("runAsNonRoot") ?? false,
  };
}

function userOf(
  uid: number | undefined,
  gid: number | undefined,
  context: FieldReader | undefined,
): string | undefined {
  if (uid !== undefined) return gid === undefined ? String(uid) : `${uid}:${gid}`;
  if (gid === undefined) return undefined;
  // SPEC: Kubernetes refuses it, too: the image's user has a group of its own.
  throw context?.refused("runAsGroup", "needs runAsUser") ?? new Error("no context has a group");
}

function seccompOf(
  own: FieldReader | undefined,
  pod: FieldReader | undefined,
  { seccompRoot, readFile }: ProfileSource,
): readonly string[] {
  const profile = own?.object("seccompProfile") ?? pod?.object("seccompProfile");
  const type = profile?.word("type", ["RuntimeDefault", "Unconfined", "Localhost"]);
  if (profile === undefined || type === undefined || type === "RuntimeDefault") return [];
  if (type === "Unconfined") return ["seccomp=unconfined"];
  const path = profile.required("localhostProfile");
  if (path.startsWith("/") || path.split("/").includes(".."))
    throw profile.refused("localhostProfile", `must be below ${seccompRoot}`);
  return [`seccomp=${readFile(join(seccompRoot, path))}`];
}

function apparmorOf(context: FieldReader | undefined): readonly string[] {
  const profile = context?.object("appArmorProfile");
  const type = profile?.word("type", ["RuntimeDefault", "Unconfined", "Localhost"]);
  if (profile === undefined || type === undefined || type === "RuntimeDefault") return [];
  return [`apparmor=${type === "Unconfined" ? "unconfined" : profile.required("localhostProfile")}`];
}

function labelsOf(options: FieldReader | undefined): readonly string[] {
  return ["user", "role", "type", "level"].flatMap((name) => {
    const value = options?.text(name);
    return value === undefined || value === "" ? [] : [`label=${name}:${value}`];
  });
}
