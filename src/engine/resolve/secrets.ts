import { Failure } from "../../base/failure.ts";
import type { SecretUse } from "../../model/secrets.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { cleanPath, isWithin } from "./clean-path.ts";
import { quote, refuse } from "./refusal.ts";

/** Podman's limit: less than this. */
export const secretBytesLimit = 512_000;
const secretDirectory = "/run/secrets";
const mostId = 2 ** 32 - 2;

/** A secret that is a file in the container. */
export interface SecretFile {
  readonly secret: string;
  readonly id?: string | undefined;
  readonly target: string;
  /** As the container sees them. */
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A secret that is a variable of its processes. */
export interface SecretVariable {
  readonly secret: string;
  readonly id?: string | undefined;
  readonly name: string;
}

export interface ResolvedSecrets {
  readonly files: readonly SecretFile[];
  readonly variables: readonly SecretVariable[];
}

/** Throws "invalid" for a target that can't be, or that something else has. */
export function resolveSecrets({
  storage: { secrets = [], mounts = [] } = {},
}: ContainerSpec): ResolvedSecrets {
  const taken = new Set(mounts.map(({ target }) => cleanPath(target)));
  const files = secrets.filter(({ kind }) => kind === "file").map(resolveFile);
  for (const { target } of files) {
    if (taken.has(target)) throw refuse(`duplicate mount point: ${target}`);
    taken.add(target);
  }
  return { files, variables: secrets.filter(({ kind }) => kind === "variable").map(resolveVariable) };
}

function resolveFile({ secret, id, target = secret, uid = 0, gid = 0, mode = 0o444 }: SecretUse): SecretFile {
  const path = cleanPath(target.startsWith("/") ? target : `${secretDirectory}/${target}`);
  const about = `invalid target of secret ${quote(secret)}: ${quote(target)}`;
  if (target.includes("\0") || target.endsWith("/")) throw refuse(`${about}: it must be the path of a file`);
  if (!target.startsWith("/") && !isWithin(path, secretDirectory))
    throw refuse(`${about}: it leads out of ${secretDirectory}`);
  if (path === "/" || path === secretDirectory) throw refuse(`${about}: it must be the path of a file`);
  // SAFETY: as for mounts: nothing may stand in for the kernel's own files.
  if (["/proc", "/sys"].some((kernel) => isWithin(path, kernel)))
    throw refuse(`${about}: it is inside a kernel file system`);
  for (const [what, number, most] of [
    ["user", uid, mostId],
    ["group", gid, mostId],
    ["mode", mode, 0o7777],
  ] as const) {
    if (!Number.isInteger(number) || number < 0 || number > most)
      throw refuse(`invalid ${what} of secret ${quote(secret)}: ${number}`);
  }
  return { secret, id, target: path, uid, gid, mode };
}

function resolveVariable({ secret, id, target = secret, uid, gid, mode }: SecretUse): SecretVariable {
  if (uid !== undefined || gid !== undefined || mode !== undefined)
    throw refuse(`secret ${quote(secret)} is a variable: it has no owner and no mode`);
  if (target === "" || /[=\0]/.test(target))
    throw refuse(`invalid name of the variable of secret ${quote(secret)}: ${quote(target)}`);
  return { secret, id, name: target };
}

/** The secret's name, proven to be one. Throws "invalid" in podman's words. */
export function checkSecretName(name: string): string {
  if (/^[^=/,\x00-\x1f\x7f]{1,253}$/.test(name)) return name;
  throw new Failure(
    "invalid",
    `cannot create the secret: secret name ${quote(name.slice(0, 300))} can not include '=', '/', ',', or the '\\0' (NULL) and be between 1 and 253 characters`,
  );
}

/** Throws "invalid" in podman's words. */
export function checkSecretValue(value: Uint8Array): void {
  if (value.length > 0 && value.length < secretBytesLimit) return;
  throw new Failure(
    "invalid",
    `cannot create the secret: secret data must be larger than 0 and less than ${secretBytesLimit} bytes`,
  );
}

/** The variables with those of secrets, which win. */
export function withSecrets(env: readonly string[], secrets: readonly string[]): readonly string[] {
  if (secrets.length === 0) return env;
  const names = new Set(secrets.map((entry) => entry.slice(0, entry.indexOf("="))));
  return [...env.filter((entry) => !names.has(entry.split("=", 1)[0] ?? "")), ...secrets];
}
