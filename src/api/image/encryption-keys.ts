import { Failure } from "../../base/failure.ts";
import { readJson } from "../../spec/json-reader.ts";

const longest = 64 * 1024;

/** Of pull: private keys for layers that are encrypted. */
export const decryptionKeysHeader = "X-Tare-Decryption-Keys";
/** Of push: public keys of the recipients who may read the layers. */
export const encryptionKeysHeader = "X-Tare-Encryption-Keys";

/** The value of such a header: base64url of a JSON list of keys in PEM, without passphrases. */
export function formatKeysHeader(keys: readonly string[]): string {
  return Buffer.from(JSON.stringify(keys)).toString("base64url");
}

/** Throws "invalid" for what can't be read. */
export function parseKeysHeader(header: string | readonly string[] | undefined): readonly string[] {
  if (header === undefined || header === "") return [];
  if (typeof header !== "string" || header.length > longest) throw refused();
  try {
    return readJson(Buffer.from(header, "base64url"), { what: "the keys", maxBytes: longest }).list((node) =>
      node.text(),
    );
  } catch (thrown) {
    throw refused(thrown);
  }
}

function refused(cause?: unknown): Failure {
  return new Failure(
    "invalid",
    "cannot read a header of keys: it must be base64url of a JSON list of texts in PEM",
    {
      cause,
    },
  );
}
