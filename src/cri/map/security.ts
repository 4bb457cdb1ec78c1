import { Failure } from "../../base/failure.ts";
import type { ContainerIsolation, ContainerProcess } from "../../model/container-spec.ts";
import type { Message } from "../codings.ts";
import { groupsPolicy, profileType } from "./enums.ts";

type SecurityContext = Message<"LinuxContainerSecurityContext">;
type SecurityProfile = Message<"SecurityProfile">;

const highestId = 2 ** 31 - 1;

/**
 * The user and groups of a container. SPEC: run_as_group needs a user; an absent user is the image's. Throws
 * "invalid".
 */
export function userOf(
  context: SecurityContext | null,
): Pick<ContainerProcess, "user" | "groupAdd" | "memberships"> {
  if (context === null) return {};
  const { run_as_user: uid, run_as_group: gid, run_as_username: name } = context;
  if (uid !== null && name !== "")
    throw new Failure("invalid", "cannot create the container: run_as_user and run_as_username are both set");
  if (name.includes(":"))
    throw new Failure("invalid", `cannot create the container: the user name "${name}" has a colon`);
  const user = uid === null ? name : idText(uid.value, "run_as_user");
  if (gid !== null && user === "")
    throw new Failure("invalid", "cannot create the container: run_as_group is set without a user");
  const isStrict = context.supplemental_groups_policy === groupsPolicy.strict;
  return {
    user: user === "" ? undefined : gid === null ? user : `${user}:${idText(gid.value, "run_as_group")}`,
    groupAdd:
      context.supplemental_groups.length === 0
        ? undefined
        : context.supplemental_groups.map((group) => idText(group, "supplemental_groups")),
    memberships: isStrict ? "never" : "always",
  };
}

function idText(id: number, field: string): string {
  if (Number.isSafeInteger(id) && id >= 0 && id <= highestId) return String(id);
  throw new Failure(
    "invalid",
    `cannot create the container: ${field} ${id} is not in the range 0-${highestId}`,
  );
}

/** Capabilities: all of them in one list is the same as "ALL". Throws "unsupported" for ambient ones. */
export function capabilitiesOf(
  capabilities: Message<"Capability"> | null,
): NonNullable<ContainerIsolation["capabilities"]> | undefined {
  if (capabilities === null) return undefined;
  const { add_capabilities: add, drop_capabilities: drop, add_ambient_capabilities: ambient } = capabilities;
  if (ambient.length > 0)
    throw new Failure("unsupported", "cannot create the container: ambient capabilities are not supported");
  return { add, drop };
}

/** Which seccomp profile is used; a file is to be read. SPEC: without a profile, none is used. */
export type SeccompChoice = "builtin" | "unconfined" | { readonly file: string };

/** `path` is the deprecated field: `localhost/FILE`, `runtime/default`, `unconfined`. */
export function seccompOf(profile: SecurityProfile | null, path: string): SeccompChoice {
  if (profile !== null) return byType(profile, "seccomp");
  if (path === "" || path === "unconfined") return "unconfined";
  if (path === "runtime/default" || path === "docker/default") return "builtin";
  if (path.startsWith("localhost/")) return { file: path.slice("localhost/".length) };
  throw new Failure("invalid", `cannot use the seccomp profile "${path.slice(0, 200)}": it is unknown`);
}

/** Name of a loaded profile, "unconfined", or undefined for the default. `name` is the deprecated field. */
export function appArmorOf(profile: SecurityProfile | null, name: string): string | undefined {
  if (profile !== null) {
    const found = byType(profile, "AppArmor");
    return found === "builtin" ? undefined : found === "unconfined" ? found : found.file;
  }
  if (name === "" || name === "runtime/default") return undefined;
  return name.startsWith("localhost/") ? name.slice("localhost/".length) : name;
}

function byType(
  { profile_type: type, localhost_ref: reference }: SecurityProfile,
  what: string,
): SeccompChoice {
  switch (type) {
    case profileType.runtimeDefault:
      return "builtin";
    case profileType.unconfined:
      return "unconfined";
    case profileType.localhost: {
      if (reference !== "") return { file: reference.replace(/^localhost\//, "") };
      throw new Failure("invalid", `cannot use the ${what} profile: localhost_ref is empty`);
    }
    default:
      throw new Failure("invalid", `cannot use the ${what} profile: its type ${type} is unknown`);
  }
}

/** `type:container_t` and so on. */
export function selinuxOf(options: Message<"SELinuxOption"> | null): readonly string[] | undefined {
  if (options === null) return undefined;
  const { user, role, type, level } = options;
  const labels = Object.entries({ user, role, type, level }).flatMap(([key, value]) =>
    value === "" ? [] : [`${key}:${value}`],
  );
  return labels.length === 0 ? undefined : labels;
}
