import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { Failure } from "../../base/failure.ts";

/** A private key as its holder has it: PEM, PKCS#8 or the older ways of RSA and EC. */
export interface DecryptionKey {
  readonly key: string;
  readonly passphrase?: string | undefined;
}

const useInstead = "use an RSA or EC key in PEM (openssl genpkey -algorithm RSA -out key.pem)";

/** Throws "invalid" for what is no private key or has another passphrase, "unsupported" for keys of another kind. */
export function parseDecryptionKey({ key, passphrase = "" }: DecryptionKey): KeyObject {
  refuseOtherKinds(key);
  if (/-----BEGIN (?:PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE)-----/.test(key)) {
    throw new Failure("invalid", "it is a public key: to decrypt takes the private one");
  }
  const isEncrypted = /ENCRYPTED/.test(key);
  if (isEncrypted && passphrase === "") {
    throw new Failure("invalid", "it has a passphrase: give it behind the key (KEY:PASSPHRASE)");
  }
  return requireKind(
    () => createPrivateKey({ key, passphrase: passphrase || undefined }),
    // With another passphrase one in 256 is deciphered, to anything: then it is the key in it that can't be read.
    isEncrypted ? "its passphrase is another one, or it is damaged" : "it is no private key in PEM",
  );
}

/** A public key or a certificate in PEM. Throws as parseDecryptionKey() does. */
export function parseEncryptionKey(text: string): KeyObject {
  refuseOtherKinds(text);
  if (/-----BEGIN CERTIFICATE-----/.test(text))
    return requireKind(() => new X509Certificate(text).publicKey, noPublicKey);
  if (/PRIVATE KEY-----/.test(text)) {
    throw new Failure(
      "invalid",
      "it is a private key: to encrypt takes the public one (openssl pkey -pubout)",
    );
  }
  return requireKind(() => createPublicKey(text), noPublicKey);
}

/** The way back, without a passphrase. */
export function formatKey(key: KeyObject): string {
  return key.type === "private"
    ? key.export({ type: "pkcs8", format: "pem" }).toString()
    : key.export({ type: "spki", format: "pem" }).toString();
}

function refuseOtherKinds(text: string): void {
  if (/-----BEGIN PGP /.test(text))
    throw new Failure("unsupported", `keys of PGP are not supported: ${useInstead}`);
  if (/-----BEGIN PKCS7-----/.test(text)) {
    throw new Failure("unsupported", `keys of PKCS7 are not supported: ${useInstead}`);
  }
}

const noPublicKey = "it is no public key in PEM";

/** `otherwise` is the error for an unreadable key. */
function requireKind(read: () => KeyObject, otherwise: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (thrown) {
    throw new Failure("invalid", otherwise, { cause: thrown });
  }
  if (key.asymmetricKeyType === "rsa" || key.asymmetricKeyType === "ec") return key;
  throw new Failure("unsupported", `keys of type ${key.asymmetricKeyType} are not supported: ${useInstead}`);
}
