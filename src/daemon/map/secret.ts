import type { Secret } from "../../api/types/secret.ts";
import type { SecretDetails } from "../../model/secrets.ts";

/** A secret as `GET /tare/secrets/{name}/json` shows it; its value only where it was asked for. */
export function secretOf(secret: SecretDetails, value?: Uint8Array): Secret {
  const { id, name, driver, createdAt, updatedAt, labels } = secret;
  return {
    ID: id,
    CreatedAt: new Date(createdAt).toISOString(),
    UpdatedAt: new Date(updatedAt).toISOString(),
    Spec: { Name: name, Driver: { Name: driver, Options: {} }, Labels: labels },
    Data: value && Buffer.from(value).toString("base64"),
  };
}
