import { required } from "../base/required.ts";
import { createHash, type Hash } from "node:crypto";
import { Failure } from "../base/failure.ts";

/** Hash algorithm of a digest. */
export type DigestAlgorithm = "sha256" | "sha512";

declare const brand: unique symbol;

/** `sha256:<64 hex>` or `sha512:<128 hex>`, lowercase; only the functions of this file make one. */
export type Digest = `${DigestAlgorithm}:${string}` & { readonly [brand]: "Digest" };

const hexLength: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

/**
 * Reads a digest as the OCI image specification writes it.
 * Throws "invalid" with the words of Docker's own parser (format, algorithm, length).
 * SPEC: OCI image 1.1, descriptor.md, "Digests".
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Failure("invalid", `cannot parse digest "${text.slice(0, 160)}": ${problemOf(text)}`);
}

/** As parseDigest(), for text that may well be something else. */
export function findDigest(text: string): Digest | undefined {
  return isDigest(text) ? text : undefined;
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The part after the colon: safe as a file name. */
export function hexOf(digest: Digest): string {
  return digest.slice(7);
}

export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = "sha256"): Digest {
  return new Digester(algorithm).update(bytes).finish();
}

/** A digest in the making, for data that comes in pieces. */
export class Digester {
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;

  constructor(algorithm: DigestAlgorithm = "sha256") {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  update(bytes: Uint8Array | string): this {
    this.#hash.update(bytes);
    return this;
  }

  /** Once only. */
  finish(): Digest {
    return required(findDigest(`${this.#algorithm}:${this.#hash.digest("hex")}`));
  }
}

function isDigest(text: string): text is Digest {
  return problemOf(text) === undefined;
}

function problemOf(text: string): string | undefined {
  const colon = text.indexOf(":");
  if (colon <= 0 || colon === text.length - 1) return "invalid checksum digest format";
  const algorithm = text.slice(0, colon);
  if (algorithm !== "sha256" && algorithm !== "sha512") return "unsupported digest algorithm";
  if (text.length - colon - 1 !== hexLength[algorithm]) return "invalid checksum digest length";
  return /^[0-9a-f]+$/.test(text.slice(colon + 1)) ? undefined : "invalid checksum digest format";
}
