import { type KeyObject, randomBytes } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import type { Digest } from "../digest.ts";
import type { Descriptor } from "./manifest.ts";
import { type JsonNode, readJson } from "../json-reader.ts";
import { decryptJwe, encryptJwe } from "../jwe.ts";

/**
 * Encrypted layers in the format of containers/ocicrypt: each layer's blob is encrypted with its own key. Annotations
 * of its descriptor contain that key, encrypted for each recipient.
 */
const mark = "+encrypted";
const annotationPrefix = "org.opencontainers.image.enc.";
const jweAnnotation = `${annotationPrefix}keys.jwe`;
const publicAnnotation = `${annotationPrefix}pubopts`;
const cipherName = "AES_256_CTR_HMAC_SHA256";
const maxOptionsBytes = 64 * 1024;

/** What is required to decrypt the blob of a layer, and to verify it. Its length is that of the plain blob. */
export interface LayerSecret {
  /** 32 bytes: for AES-256 in counter mode, and for the HMAC-SHA256 of what is encrypted. */
  readonly key: Uint8Array;
  /** The first block of the counter, 16 bytes. */
  readonly nonce: Uint8Array;
}

/**
 * Of a layer that is to be decrypted. The digest of its plain blob is not certain: tools that compress during
 * encryption store the digest of the uncompressed data in the secret.
 */
export interface SealedLayer extends LayerSecret {
  readonly hmac: Uint8Array;
}

export function isEncrypted(mediaType: string): boolean {
  return mediaType.endsWith(mark);
}

/** The media type of the plain layer. */
export function plainType(mediaType: string): string {
  return isEncrypted(mediaType) ? mediaType.slice(0, -mark.length) : mediaType;
}

export function encryptedType(mediaType: string): string {
  return `${mediaType}${mark}`;
}

/** The annotations without those of the encryption. */
export function plainAnnotations(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(annotations).filter(([name]) => !name.startsWith(annotationPrefix)),
  );
}

/**
 * Opens the secret in a descriptor with the first matching key. Throws "not-permitted" without one, "unsupported" for a
 * layer that is encrypted for other kinds of keys or by another cipher, "invalid" for malformed annotations.
 */
export function openLayer(
  { digest, annotations }: Pick<Descriptor, "digest" | "annotations">,
  keys: readonly KeyObject[],
): SealedLayer {
  const wrapped = annotations[jweAnnotation];
  if (keys.length === 0) {
    throw new Failure(
      "not-permitted",
      `cannot use layer ${digest}: it is encrypted: name the file with the private key by --decryption-key`,
    );
  }
  if (wrapped === undefined) throw otherKinds(digest, annotations);
  for (const part of wrapped.split(",")) {
    const opened = decryptJwe(base64Of(part, digest), keys);
    if (opened !== undefined) return sealedOf(opened, { digest, annotations });
  }
  throw new Failure(
    "not-permitted",
    `cannot decrypt layer ${digest}: ${keys.length === 1 ? "the key of --decryption-key does not fit" : `none of the ${keys.length} keys of --decryption-key fits`}`,
  );
}

/** A new key for a layer. */
export function newSecret(): LayerSecret {
  return { key: randomBytes(32), nonce: randomBytes(16) };
}

/** The annotations of an encrypted layer, for the holders of these public keys; `digest` is that of the plain blob. */
export function sealLayer(
  { key, nonce, hmac, digest }: SealedLayer & { readonly digest: Digest },
  recipients: readonly KeyObject[],
): Readonly<Record<string, string>> {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const secret = { symkey: base64(key), digest, cipheroptions: { nonce: base64(nonce) } };
  const open = { cipher: cipherName, hmac: base64(hmac), cipheroptions: {} };
  return {
    [jweAnnotation]: base64(encryptJwe(Buffer.from(JSON.stringify(secret)), recipients)),
    [publicAnnotation]: base64(Buffer.from(JSON.stringify(open))),
  };
}

function sealedOf(
  opened: Uint8Array,
  { digest, annotations }: Pick<Descriptor, "digest" | "annotations">,
): SealedLayer {
  const secret = readJson(opened, { what: `the key of layer ${digest}`, maxBytes: maxOptionsBytes });
  const open = readJson(base64Of(annotations[publicAnnotation] ?? "", digest), {
    what: `how layer ${digest} is encrypted`,
    maxBytes: maxOptionsBytes,
  });
  const cipher = open.at("cipher").anyText();
  if (cipher !== cipherName) {
    throw new Failure(
      "unsupported",
      `cannot decrypt layer ${digest}: it is encrypted by ${JSON.stringify(cipher.slice(0, 50))}: want ${cipherName}`,
    );
  }
  return {
    key: bytesAt(secret.at("symkey"), 32),
    nonce: bytesAt(secret.at("cipheroptions").at("nonce"), 16),
    hmac: bytesAt(open.at("hmac"), 32),
  };
}

function bytesAt(node: JsonNode, length: number): Uint8Array {
  const bytes = Buffer.from(node.anyText(), "base64");
  if (bytes.length !== length) throw node.refused(`must be ${length} bytes in base64`);
  return bytes;
}

function base64Of(text: string, digest: Digest): Uint8Array {
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return Buffer.from(text, "base64");
  throw new Failure("invalid", `cannot decrypt layer ${digest}: an annotation of it is not in base64`);
}

function otherKinds(digest: Digest, annotations: Readonly<Record<string, string>>): Failure {
  const kinds = Object.keys(annotations).flatMap((name) => /\.enc\.keys\.(.+)$/.exec(name)?.[1] ?? []);
  return new Failure(
    "unsupported",
    `cannot decrypt layer ${digest}: it is encrypted for keys of kind ${kinds.join(", ").slice(0, 100) || "none"}, which are not supported: encrypt it for an RSA or EC key (jwe:)`,
  );
}
