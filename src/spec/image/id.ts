import { type Digest, findDigest, hexOf } from "../digest.ts";

/** An image's identity: the sha256 digest of its configuration, byte for byte. */
export type ImageId = Digest;

/** Docker shows 12 hexadecimal digits of any id. */
export function shortId(id: ImageId): string {
  return hexOf(id).slice(0, 12);
}

/** The whole id from `sha256:<64 hex>` or `<64 hex>`; undefined for anything else, a prefix included. */
export function findImageId(text: string): ImageId | undefined {
  const digest = findDigest(text.includes(":") ? text : `sha256:${text}`);
  return digest?.startsWith("sha256:") ? digest : undefined;
}

/**
 * The digits of what could be the beginning of an id (`4f2a`, `sha256:4f2a`), without the algorithm;
 * undefined when it can't be one. Such a text may be a repository's name as well: names go first.
 */
export function findIdPrefix(text: string): string | undefined {
  const digits = text.startsWith("sha256:") ? text.slice(7) : text;
  return /^[0-9a-f]{1,64}$/.test(digits) ? digits : undefined;
}

/** True when the id begins with these digits (from findIdPrefix). */
export function hasIdPrefix(id: ImageId, prefix: string): boolean {
  return hexOf(id).startsWith(prefix);
}
