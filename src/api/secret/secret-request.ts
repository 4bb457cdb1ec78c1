import type { SecretUse } from "../../model/secrets.ts";
import { Failure } from "../../base/failure.ts";
import { type FieldSchemas, type SchemasOf, readFields } from "../http/field-schemas.ts";
import type { SecretCreateRequest, SecretReference } from "../types/secret.ts";

const schemas = {
  Name: "text",
  Driver: "text",
  Labels: "text-map",
  Data: "text",
  Replace: "boolean",
} as const satisfies FieldSchemas;

/** The schema of `HostConfig.Tare.Secrets`. */
export const secretSchemas: SchemasOf<SecretReference> = {
  Source: "text",
  Type: "text",
  Target: "text",
  UID: "integer",
  GID: "integer",
  Mode: "text",
};

/** Parses and validates the body of `POST /tare/secrets/create`, and decodes the value. */
export function parseSecretRequest(body: unknown): Omit<SecretCreateRequest, "Data"> & {
  readonly value: Uint8Array;
} {
  const { Name = "", Data = "", ...request } = readFields(body ?? {}, schemas, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(Data)) {
    throw new Failure("invalid", "cannot create the secret: Data must be base64");
  }
  return { Name, ...request, value: Buffer.from(Data, "base64") };
}

/** The settings of a secret in a container. Throws Failure("invalid") for values that can never work. */
export function parseSecret(reference: SecretReference): SecretUse {
  const { Source: secret = "", Type: type = "mount", Target: target = "", UID, GID, Mode = "" } = reference;
  if (secret === "") throw new Failure("invalid", "invalid secret: it has no name (Source)");
  if (type !== "mount" && type !== "env" && type !== "")
    throw new Failure("invalid", `invalid type of secret "${type.slice(0, 50)}": want mount or env`);
  return {
    secret,
    kind: type === "env" ? "variable" : "file",
    target: target || undefined,
    uid: UID,
    gid: GID,
    mode: Mode === "" ? undefined : parseSecretMode(Mode),
  };
}

/** The way back. */
export function formatSecret({ secret, kind, target, uid, gid, mode }: SecretUse): SecretReference {
  return {
    Source: secret,
    Type: kind === "variable" ? "env" : "mount",
    Target: target,
    UID: uid,
    GID: gid,
    Mode: mode?.toString(8).padStart(4, "0"),
  };
}

/** Octal, as chmod(1) has it. */
export function parseSecretMode(text: string): number {
  if (!/^0*[0-7]{1,4}$/.test(text) || text.length > 8)
    throw new Failure("invalid", `invalid mode "${text.slice(0, 50)}": must be octal, 0000 to 7777`);
  return Number.parseInt(text, 8);
}
