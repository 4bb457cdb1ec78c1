import { describe, expect, test } from "bun:test";
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { decryptLayer, encryptLayer, measureEncrypted } from "../../../src/image/streams/layer-cipher.ts";
import { unwrapKey, wrapKey } from "../../../src/spec/aes-key-wrap.ts";
import { digestOf } from "../../../src/spec/digest.ts";
import {
  formatKey,
  parseDecryptionKey,
  parseEncryptionKey,
} from "../../../src/spec/image/encryption-keys.ts";
import { decryptJwe, encryptJwe } from "../../../src/spec/jwe.ts";
import { newSecret, openLayer, sealLayer } from "../../../src/spec/image/layer-encryption.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** SPEC: RFC 3394, section 4: 128 bits in 128, 192 in 192, 256 in 256. */
test.each([
  [
    "000102030405060708090A0B0C0D0E0F",
    "00112233445566778899AABBCCDDEEFF",
    "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5",
  ],
  [
    "000102030405060708090A0B0C0D0E0F1011121314151617",
    "00112233445566778899AABBCCDDEEFF0001020304050607",
    "031D33264E15D33268F24EC260743EDCE1C6C7DDEE725A936BA814915C6762D2",
  ],
  [
    "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
    "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
    "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
  ],
])("wrapKey() and unwrapKey() by %s are those of RFC 3394", (wrapping, key, wrapped) => {
  expect(Buffer.from(wrapKey(hex(key), hex(wrapping))).toString("hex")).toBe(wrapped.toLowerCase());
  expect(Buffer.from(unwrapKey(hex(wrapped), hex(wrapping)) ?? []).toString("hex")).toBe(key.toLowerCase());
  const other = hex(wrapped);
  other.writeUInt8(other.readUInt8(9) ^ 1, 9);
  expect(unwrapKey(other, hex(wrapping))).toBeUndefined();
  expect(unwrapKey(hex(wrapped).subarray(0, 16), hex(wrapping))).toBeUndefined();
});

const pairs: readonly (readonly [
  string,
  { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
])[] = [
  ["RSA", generateKeyPairSync("rsa", { modulusLength: 2048 })],
  ["P-256", generateKeyPairSync("ec", { namedCurve: "P-256" })],
  ["P-384", generateKeyPairSync("ec", { namedCurve: "P-384" })],
  ["P-521", generateKeyPairSync("ec", { namedCurve: "P-521" })],
];
const publicKeys = pairs.map(([, { publicKey }]) => publicKey);
const [first] = publicKeys as [KeyObject];

describe("decryptJwe()", () => {
  test.each(pairs)("opens what encryptJwe() sealed for %s, alone and beside others", (_, pair) => {
    const text = Buffer.from("secret");
    for (const keys of [[pair.publicKey], publicKeys]) {
      const sealed = encryptJwe(text, keys);
      expect(Buffer.from(sealed).includes("secret")).toBe(false);
      expect(Buffer.from(decryptJwe(sealed, [pair.privateKey]) ?? [])).toEqual(text);
    }
    const others = pairs.filter(([, other]) => other !== pair).map(([, { privateKey }]) => privateKey);
    expect(decryptJwe(encryptJwe(text, [pair.publicKey]), others)).toBeUndefined();
    expect(
      Buffer.from(decryptJwe(encryptJwe(text, [pair.publicKey]), [...others, pair.privateKey]) ?? []),
    ).toEqual(text);
  });

  test("opens nothing that was changed, and refuses what is none", () => {
    const [, { publicKey, privateKey }] = pairs[0] as (typeof pairs)[0];
    const whole = JSON.parse(
      Buffer.from(encryptJwe(Buffer.from("secret"), [publicKey])).toString(),
    ) as Record<string, string>;
    const change = (name: string, value: unknown) => Buffer.from(JSON.stringify({ ...whole, [name]: value }));
    for (const name of ["ciphertext", "tag", "encrypted_key", "iv"]) {
      const text = whole[name] ?? "";
      const other = (text.startsWith("A") ? "B" : "A") + text.slice(1);
      expect([name, decryptJwe(change(name, other), [privateKey])]).toEqual([name, undefined]);
    }
    expect(decryptJwe(change("aad", "eA"), [privateKey])).toBeUndefined();
    expect(() => decryptJwe(change("tag", "AAAA"), [privateKey])).toThrow("a wrong length");
    expect(() => decryptJwe(change("iv", "+/"), [privateKey])).toThrow("must be in base64url");
    expect(() => decryptJwe(change("iv", 7), [privateKey])).toThrow("must be a string");
    const weak = Buffer.from(JSON.stringify({ alg: "RSA-OAEP", enc: "A128CBC-HS256" })).toString("base64url");
    expect(() => decryptJwe(change("protected", weak), [privateKey])).toThrow(
      'the keys are encrypted by "A128CBC-HS256"',
    );
    const zipped = Buffer.from(JSON.stringify({ alg: "RSA-OAEP", enc: "A256GCM", zip: "DEF" })).toString(
      "base64url",
    );
    expect(() => decryptJwe(change("protected", zipped), [privateKey])).toThrow("not compressed");
    for (const header of ["[]", "{", '{"alg":{}}', '{"enc":"A256GCM","epk":7}'])
      expect(() =>
        decryptJwe(change("protected", Buffer.from(header).toString("base64url")), [privateKey]),
      ).toThrow("cannot");
    expect(() => decryptJwe(Buffer.from("not json"), [privateKey])).toThrow("it is no JSON");
  });
});

describe("openLayer()", () => {
  const secret = newSecret();
  const digest = digestOf("plain");
  const source = digestOf("encrypted");
  const annotations = sealLayer({ ...secret, hmac: new Uint8Array(32), digest }, [first]);
  const keys = [pairs[0]?.[1].privateKey as KeyObject];
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");
  const pubopts = "org.opencontainers.image.enc.pubopts";
  const jwe = "org.opencontainers.image.enc.keys.jwe";

  test("gives what sealLayer() sealed, also from one of several", () => {
    expect(openLayer({ digest: source, annotations }, keys)).toMatchObject({
      nonce: Buffer.from(secret.nonce),
    });
    const other = sealLayer({ ...secret, hmac: new Uint8Array(32), digest }, [publicKeys[1] as KeyObject]);
    const both = { ...annotations, [jwe]: `${other[jwe]},${annotations[jwe]}` };
    expect(Buffer.from(openLayer({ digest: source, annotations: both }, keys).key)).toEqual(
      Buffer.from(secret.key),
    );
  });

  test.each<[string, Readonly<Record<string, string>>, string]>([
    [
      "other cipher",
      { ...annotations, [pubopts]: encode({ cipher: "ROT13", hmac: "" }) },
      'it is encrypted by "ROT13"',
    ],
    [
      "short hmac",
      { ...annotations, [pubopts]: encode({ cipher: "AES_256_CTR_HMAC_SHA256", hmac: "AAAA" }) },
      "hmac must be 32 bytes",
    ],
    ["no options", { [jwe]: annotations[jwe] ?? "" }, "an annotation of it is not in base64"],
    ["no base64", { ...annotations, [jwe]: "%%" }, "an annotation of it is not in base64"],
    [
      "pgp",
      { "org.opencontainers.image.enc.keys.pgp": "x", [pubopts]: "x" },
      "for keys of kind pgp, which are not supported",
    ],
    ["nothing", {}, "of kind none"],
  ])("refuses %s in a sentence", (_, wrong, words) => {
    expect(() => openLayer({ digest: source, annotations: wrong }, keys)).toThrow(words);
  });

  test("says which flag is missing, and which key does not fit", () => {
    expect(() => openLayer({ digest: source, annotations }, [])).toThrow("by --decryption-key");
    const wrong = [pairs[1]?.[1].privateKey as KeyObject];
    expect(() => openLayer({ digest: source, annotations }, wrong)).toThrow(
      "the key of --decryption-key does not fit",
    );
  });
});

describe("decryptLayer()", () => {
  const plain = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
  const open = async function* (offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < plain.length; at += 77)
      yield plain.subarray(at, Math.min(at + 77, plain.length));
  };
  const all = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer> =>
    Buffer.concat(await Array.fromAsync(pieces));
  const one = async function* (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes;
  };

  test("gives back what encryptLayer() made, which is the same from every offset on", async () => {
    // A counter that runs over.
    for (const secret of [newSecret(), { ...newSecret(), nonce: new Uint8Array(16).fill(255) }]) {
      const { digest, size, hmac } = await measureEncrypted(open, secret);
      const whole = await all(encryptLayer(open, { secret, offset: 0 }));
      expect([size, digest]).toEqual([1000, digestOf(whole)]);
      expect(Buffer.from(hmac)).toEqual(createHmac("sha256", secret.key).update(whole).digest());
      for (const offset of [1, 16, 333, 999, 1000])
        expect(await all(encryptLayer(open, { secret, offset }))).toEqual(whole.subarray(offset));
      expect(await all(decryptLayer(one(whole), { ...secret, hmac, blob: digest }))).toEqual(plain);
    }
  });

  test("believes nothing that was changed, cut off or sealed by another key", async () => {
    const secret = newSecret();
    const { digest, hmac } = await measureEncrypted(open, secret);
    const whole = await all(encryptLayer(open, { secret, offset: 0 }));
    const changed = Buffer.from(whole);
    changed.writeUInt8(changed.readUInt8(500) ^ 1, 500);
    const decrypt = (bytes: Uint8Array, blob = digest, seal: Uint8Array = hmac) =>
      all(decryptLayer(one(bytes), { ...secret, hmac: seal, blob }));
    await expect(decrypt(changed)).rejects.toThrow("what came has digest");
    await expect(decrypt(changed, digestOf(changed))).rejects.toThrow(
      "it was changed after it was encrypted",
    );
    await expect(decrypt(whole.subarray(0, 999), digestOf(whole.subarray(0, 999)))).rejects.toThrow(
      "it was changed",
    );
    await expect(decrypt(whole, digest, new Uint8Array(32))).rejects.toThrow("it was changed");
  });
});

describe("keys", () => {
  const [, { publicKey, privateKey }] = pairs[0] as (typeof pairs)[0];
  const withPassphrase = privateKey.export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "p",
  }) as string;

  test("are read in PEM, with a passphrase where there is one", () => {
    expect(formatKey(parseDecryptionKey({ key: withPassphrase, passphrase: "p" }))).toBe(
      formatKey(privateKey),
    );
    expect(formatKey(parseEncryptionKey(formatKey(publicKey)))).toBe(formatKey(publicKey));
    const old = privateKey.export({ type: "pkcs1", format: "pem" }) as string;
    expect(formatKey(parseDecryptionKey({ key: old }))).toBe(formatKey(privateKey));
  });

  const edwards = generateKeyPairSync("ed25519").privateKey.export({
    type: "pkcs8",
    format: "pem",
  }) as string;
  test.each<[string, string]>([
    ["it has a passphrase", withPassphrase],
    ["it is a public key", formatKey(publicKey)],
    ["keys of PGP are not supported: use an RSA or EC key", "-----BEGIN PGP PRIVATE KEY BLOCK-----"],
    ["keys of PKCS7 are not supported", "-----BEGIN PKCS7-----"],
    ["it is no private key in PEM", "hello"],
    ["keys of type ed25519", edwards],
  ])("parseDecryptionKey() refuses one: $0", (words, key) => {
    expect(() => parseDecryptionKey({ key })).toThrow(words);
  });

  test("parseEncryptionKey() refuses a private key; a wrong passphrase is said", () => {
    expect(() => parseEncryptionKey(formatKey(privateKey))).toThrow("it is a private key");
    expect(() => parseEncryptionKey("hello")).toThrow("it is no public key in PEM");
    // With one in 256 of them the padding happens to be right, and what is in it is no key.
    for (let i = 0; i < 1_000; i++) {
      expect(() => parseDecryptionKey({ key: withPassphrase, passphrase: `q${i}` })).toThrow(
        "its passphrase is another one",
      );
    }
  });
});
