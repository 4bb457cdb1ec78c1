import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { Failure, sentenceOf } from "../base/failure.ts";

/** A private key as its holder has it: PEM, PKCS#8 or the older ways of RSA and EC. */
export interface DecryptionKey {
  readonly key: string;
  readonly passphrase?: string;
}

const useInstead = "use an RSA or EC key in PEM (openssl genpkey -algorithm RSA -out key.pem)";

/** Throws "invalid" for what is no private key or has another passphrase, "unsupported" for keys of another kind. */
export function parseDecryptionKey({ key, passphrase = "" }: DecryptionKey): KeyObject {
  refuseOtherKinds(key);
  if (/-----BEGIN (?:PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE)-----/.test(key)) {
    throw new Failure("invalid", "it is a public key: to decrypt takes the private one");
  }
  if (/ENCRYPTED/.test(key) && passphrase === "") {
    throw new Failure("invalid", "it has a passphrase: give it behind the key (KEY:PASSPHRASE)");
  }
  return requireKind(
    () => createPrivateKey({ key, ...(passphrase === "" ? {} : { passphrase }) }),
    "private",
  );
}

/** A public key or a certificate in PEM. Throws as parseDecryptionKey() does. */
export function parseEncryptionKey(text: string): KeyObject {
  refuseOtherKinds(text);
  if (/-----BEGIN CERTIFICATE-----/.test(text))
    return requireKind(() => new X509Certificate(text).publicKey, "public");
  if (/PRIVATE KEY-----/.test(text)) {
    throw new Failure(
      "invalid",
      "it is a private key: to encrypt takes the public one (openssl pkey -pubout)",
    );
  }
  return requireKind(() => createPublicKey(text), "public");
}

/** The way back, without a passphrase. */
export function formatKey(key: KeyObject): string {
  return key.type === "private"
    ? (key.export({ type: "pkcs8", format: "pem" }) as string)
    : (key.export({ type: "spki", format: "pem" }) as string);
}

function refuseOtherKinds(text: string): void {
  if (/-----BEGIN PGP /.test(text))
    throw new Failure("unsupported", `keys of PGP are not supported: ${useInstead}`);
  if (/-----BEGIN PKCS7-----/.test(text)) {
    throw new Failure("unsupported", `keys of PKCS7 are not supported: ${useInstead}`);
  }
}

function requireKind(read: () => KeyObject, kind: "private" | "public"): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (thrown) {
    const isWrong = /decrypt/i.test(sentenceOf(thrown));
    throw new Failure("invalid", isWrong ? "its passphrase is another one" : `it is no ${kind} key in PEM`, {
      cause: thrown,
    });
  }
  if (key.asymmetricKeyType === "rsa" || key.asymmetricKeyType === "ec") return key;
  throw new Failure("unsupported", `keys of type ${key.asymmetricKeyType} are not supported: ${useInstead}`);
}
