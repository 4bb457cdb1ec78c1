import { required } from "../base/required.ts";
import { mergeDefined } from "../base/defined.ts";
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { Failure } from "../base/failure.ts";
import { unwrapKey, wrapKey } from "./aes-key-wrap.ts";
import { type JsonNode, readJson } from "./json-reader.ts";

/** SPEC: RFC 7516, JSON Web Encryption, in the JSON serializations; RFC 7518 for the algorithms. */

const contentEncryption = "A256GCM";
const maxBytes = 1024 * 1024;

interface Recipient {
  readonly header: Header;
  readonly encryptedKey: Buffer;
}

/**
 * Decrypts content that was encrypted for one of these private keys; undefined when none fits. Throws "invalid" for
 * malformed JWE, "unsupported" for content with another encryption.
 */
export function decryptJwe(bytes: Uint8Array, keys: readonly KeyObject[]): Uint8Array | undefined {
  const document = readJson(bytes, { what: "JSON web encryption", maxBytes });
  const protectedText = document.at("protected").optional((node) => node.anyText()) ?? "";
  const shared = mergeDefined(
    readHeader(document.at("unprotected")),
    protectedText === ""
      ? undefined
      : readHeader(readJson(base64(document.at("protected")), { what: "header of JSON web encryption" })),
  );
  const recipients = recipientsIn(document);
  const extra = document.at("aad").optional((node) => node.anyText());
  const sealed: Sealed = {
    iv: base64(document.at("iv")),
    ciphertext: base64(document.at("ciphertext")),
    tag: base64(document.at("tag")),
    additional: Buffer.from(extra === undefined ? protectedText : `${protectedText}.${extra}`),
  };
  if (sealed.iv.length !== 12 || sealed.tag.length !== 16)
    throw document.refused("has an iv or a tag of a wrong length");
  for (const { header: own, encryptedKey } of recipients) {
    const whole = mergeDefined(own, shared);
    if (whole.enc !== contentEncryption || whole.zip !== undefined) {
      throw new Failure(
        "unsupported",
        `cannot decrypt: the keys are encrypted by ${JSON.stringify(whole.enc?.slice(0, 50))}: want ${contentEncryption}, not compressed`,
      );
    }
    for (const key of keys) {
      const contentKey = contentKeyOf(whole, { key, encryptedKey });
      const opened = contentKey?.length === 32 ? unseal(sealed, contentKey) : undefined;
      if (opened !== undefined) return opened;
    }
  }
  return undefined;
}

/**
 * The bytes for the holder of each of the public keys. Throws "invalid" for one that is neither RSA nor on a curve of
 * NIST's.
 */
export function encryptJwe(bytes: Uint8Array, keys: readonly KeyObject[]): Uint8Array {
  const contentKey = randomBytes(32);
  const made = keys.map((key) => recipientFor(key, contentKey));
  const [only] = made;
  // As others do it: of a single recipient all is in the protected header.
  const isSingle = made.length === 1 && only !== undefined;
  const header: Header = { ...(isSingle ? only.header : {}), enc: contentEncryption };
  const protectedText = Buffer.from(JSON.stringify(header)).toString("base64url");
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", contentKey, iv);
  cipher.setAAD(Buffer.from(protectedText));
  const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
  const document = {
    protected: protectedText,
    ...(isSingle
      ? { encrypted_key: only.encryptedKey.toString("base64url") }
      : {
          recipients: made.map((recipient) => ({
            header: recipient.header,
            encrypted_key: recipient.encryptedKey.toString("base64url"),
          })),
        }),
    iv: iv.toString("base64url"),
    ciphertext: ciphertext.toString("base64url"),
    tag: cipher.getAuthTag().toString("base64url"),
  };
  return Buffer.from(JSON.stringify(document));
}

interface Sealed {
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
  readonly additional: Buffer;
}

function unseal({ iv, ciphertext, tag, additional }: Sealed, key: Uint8Array): Uint8Array | undefined {
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: 16 });
  decipher.setAAD(additional);
  decipher.setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return undefined; // of another key
  }
}

function recipientsIn(document: JsonNode): readonly Recipient[] {
  const read = (node: JsonNode): Recipient => ({
    header: readHeader(node.at("header")),
    encryptedKey: node.at("encrypted_key").present ? base64(node.at("encrypted_key")) : Buffer.alloc(0),
  });
  const list = document.at("recipients");
  return list.present ? list.list(read) : [read(document)];
}

/** The required fields of a header, which may be split. */
interface Header {
  readonly alg?: string | undefined;
  readonly enc?: string | undefined;
  readonly zip?: string | undefined;
  readonly apu?: string | undefined;
  readonly apv?: string | undefined;
  readonly epk?: JsonWebKey | undefined;
}

function readHeader(node: JsonNode): Header {
  const texts = ["alg", "enc", "zip", "apu", "apv"].flatMap((name) => {
    const text = node.at(name).optional((value) => value.anyText());
    return text === undefined ? [] : [[name, text] as const];
  });
  const epk = node.at("epk").optional((key) => key.map((value) => value.anyText()));
  return mergeDefined<Header>(Object.fromEntries(texts), { epk });
}

function base64(node: JsonNode): Buffer {
  const text = node.anyText();
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw node.refused("must be in base64url");
  return Buffer.from(text, "base64url");
}

/** Undefined where the key is of another kind, or not the right one. */
function contentKeyOf(
  header: Header,
  { key, encryptedKey }: { readonly key: KeyObject; readonly encryptedKey: Uint8Array },
): Uint8Array | undefined {
  const { alg } = header;
  try {
    if (alg === "RSA-OAEP" || alg === "RSA-OAEP-256") {
      if (key.asymmetricKeyType !== "rsa") return undefined;
      return privateDecrypt({ key, ...oaep(alg) }, encryptedKey);
    }
    const bits = agreementBits(alg);
    if (bits === undefined || key.asymmetricKeyType !== "ec") return undefined;
    const publicKey = createPublicKey({ key: required(header.epk), format: "jwk" });
    const agreed = agree({ privateKey: key, publicKey, header, bits });
    return alg === "ECDH-ES" ? agreed : unwrapKey(encryptedKey, agreed);
  } catch {
    return undefined; // another curve, or what is no key
  }
}

function recipientFor(key: KeyObject, contentKey: Uint8Array): Recipient {
  if (key.asymmetricKeyType === "rsa") {
    const header = { alg: "RSA-OAEP" };
    return { header, encryptedKey: publicEncrypt({ key, ...oaep(header.alg) }, contentKey) };
  }
  const namedCurve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType !== "ec" || namedCurve === undefined) {
    throw new Failure(
      "invalid",
      `cannot encrypt for a key of type "${key.asymmetricKeyType}": want RSA or EC`,
    );
  }
  const own = generateKeyPairSync("ec", { namedCurve });
  const header = { alg: "ECDH-ES+A256KW", epk: own.publicKey.export({ format: "jwk" }) };
  const agreed = agree({ privateKey: own.privateKey, publicKey: key, header, bits: 256 });
  return { header, encryptedKey: Buffer.from(wrapKey(contentKey, agreed)) };
}

function oaep(alg: string): { readonly padding: number; readonly oaepHash: string } {
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: alg === "RSA-OAEP" ? "sha1" : "sha256" };
}

/** Of the key that comes out of the agreement; undefined for algorithms that are none. */
function agreementBits(alg: string | undefined): 128 | 192 | 256 | undefined {
  if (alg === "ECDH-ES" || alg === "ECDH-ES+A256KW") return 256;
  return alg === "ECDH-ES+A128KW" ? 128 : alg === "ECDH-ES+A192KW" ? 192 : undefined;
}

/** SPEC: RFC 7518, section 4.6.2: the Concat KDF with SHA-256, one round of which is enough. */
function agree({
  privateKey,
  publicKey,
  header,
  bits,
}: {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly header: Header;
  readonly bits: number;
}): Uint8Array {
  const { alg, apu, apv } = header;
  const name = alg === "ECDH-ES" ? contentEncryption : (alg ?? "");
  const party = (value = ""): Buffer => withLength(Buffer.from(value, "base64url"));
  const digest = createHash("sha256")
    .update(number(1))
    .update(diffieHellman({ privateKey, publicKey }))
    .update(withLength(Buffer.from(name)))
    .update(party(apu))
    .update(party(apv))
    .update(number(bits))
    .digest();
  return digest.subarray(0, bits / 8);
}

function withLength(bytes: Uint8Array): Buffer {
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
