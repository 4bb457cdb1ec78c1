import { Failure } from "../../base/failure.ts";

/** A version of the Docker Engine API as a number that compares right: 1.45 is 1045. */
export type ApiVersion = number & { readonly brand?: "ApiVersion" | undefined };

/** The oldest and the newest version we speak. */
export const minimumVersion: ApiVersion = 1024;
export const maximumVersion: ApiVersion = 1056;
/** What Tare's own client speaks: from 1.52 on, replies lack fields that people have in their `--format`. */
export const clientVersion: ApiVersion = 1051;

/** Reads `1.45`, also `1` and `2.1000`, which are too old and too new. Undefined for anything else. */
export function findApiVersion(text: string): ApiVersion | undefined {
  const match = /^(\d{1,4})(?:\.(\d{1,9}))?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * 1000 + Math.min(Number(match[2] ?? 0), 999);
}

/** `1.45` */
export function formatApiVersion(version: ApiVersion): string {
  return `${Math.trunc(version / 1000)}.${version % 1000}`;
}

/**
 * The version that a request names (`/v1.45/…`); the newest when it names none, as in Docker. Throws Failure("invalid")
 * in Docker's words, which clients read to negotiate.
 */
export function parseRequestedVersion(text: string | undefined): ApiVersion {
  if (text === undefined) return maximumVersion;
  const version = findApiVersion(text);
  if (version === undefined) throw new Failure("invalid", `cannot read API version "${text.slice(0, 20)}"`);
  if (version < minimumVersion) {
    throw new Failure(
      "invalid",
      `client version ${text} is too old. Minimum supported API version is ${formatApiVersion(minimumVersion)}, please upgrade your client to a newer version`,
    );
  }
  if (version > maximumVersion) {
    throw new Failure(
      "invalid",
      `client version ${text} is too new. Maximum supported API version is ${formatApiVersion(maximumVersion)}`,
    );
  }
  return version;
}
