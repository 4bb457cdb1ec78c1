import { createCipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import { algorithmOf, type Digest, Digester } from "../../spec/digest.ts";
import type { LayerSecret, SealedLayer } from "../../spec/image/layer-encryption.ts";
import type { Blob } from "../blobs/blob.ts";

const blockBytes = 16;

/**
 * The decrypted blob of a layer. Throws "corrupt" at the end when the result differs from the blob that its descriptor
 * names, or from what was encrypted: until then the content must not be trusted.
 */
export async function* decryptLayer(
  pieces: AsyncIterable<Uint8Array>,
  { key, nonce, hmac, blob }: Pick<SealedLayer, "key" | "nonce" | "hmac"> & { readonly blob: Digest },
): AsyncGenerator<Uint8Array, void, undefined> {
  const counter = cipherAt({ key, nonce }, 0);
  const seal = createHmac("sha256", key);
  const digester = new Digester(algorithmOf(blob));
  for await (const piece of pieces) {
    seal.update(piece);
    digester.update(piece);
    yield counter.update(piece);
  }
  const found = digester.finish();
  if (found !== blob) {
    throw new Failure("corrupt", `cannot decrypt layer ${blob}: what came has digest ${found}`);
  }
  if (!timingSafeEqual(seal.digest(), hmac)) {
    throw new Failure("corrupt", `cannot decrypt layer ${blob}: it was changed after it was encrypted`);
  }
}

/** A blob, encrypted, from an offset on: the same secret always gives the same bytes. */
export async function* encryptLayer(
  open: (offset: number) => AsyncIterable<Uint8Array>,
  { secret, offset }: { readonly secret: LayerSecret; readonly offset: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const counter = cipherAt(secret, offset);
  for await (const piece of open(offset)) yield counter.update(piece);
}

/** Calculates the descriptor of an encrypted blob and its seal. Reads all of the blob. */
export async function measureEncrypted(
  open: (offset: number) => AsyncIterable<Uint8Array>,
  secret: LayerSecret,
): Promise<Blob & { readonly hmac: Uint8Array }> {
  const seal = createHmac("sha256", secret.key);
  const digester = new Digester("sha256");
  let size = 0;
  for await (const piece of encryptLayer(open, { secret, offset: 0 })) {
    seal.update(piece);
    digester.update(piece);
    size += piece.length;
  }
  return { digest: digester.finish(), size, hmac: seal.digest() };
}

/** AES-256 in counter mode, both ways the same, at a place in the stream. */
function cipherAt({ key, nonce }: LayerSecret, offset: number): ReturnType<typeof createCipheriv> {
  const first =
    (BigInt(`0x${Buffer.from(nonce).toString("hex")}`) + BigInt(Math.floor(offset / blockBytes))) %
    (1n << 128n);
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.from(first.toString(16).padStart(32, "0"), "hex"));
  cipher.update(new Uint8Array(offset % blockBytes));
  return cipher;
}
