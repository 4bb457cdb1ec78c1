import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import { formatKey, parseDecryptionKey, parseEncryptionKey } from "../../spec/image/encryption-keys.ts";
import { optionFailure } from "../flags/flag.ts";

/** The private keys of `--decryption-key KEY[:PASSPHRASE]`, in PEM, without passphrases. Throws optionFailure(). */
export function readDecryptionKeys(texts: readonly string[], cwd: string): readonly string[] {
  return texts.map((text) => {
    refuseSchemes(text, "--decryption-key");
    const { file, passphrase } = splitPassphrase(text, cwd);
    return withName(`--decryption-key ${file}`, () =>
      formatKey(parseDecryptionKey({ key: readKey(file, cwd), passphrase: passphrase || undefined })),
    );
  });
}

/** The public keys of `--encryption-key jwe:KEY`, in PEM. Throws optionFailure(). */
export function readEncryptionKeys(texts: readonly string[], cwd: string): readonly string[] {
  return texts.map((text) => {
    const [, kind, file = ""] = /^([a-z0-9]+):(.+)$/.exec(text) ?? [];
    if (kind === "jwe") {
      return withName(`--encryption-key ${file}`, () => formatKey(parseEncryptionKey(readKey(file, cwd))));
    }
    refuseSchemes(text, "--encryption-key");
    throw optionFailure(`--encryption-key ${text}: want jwe:FILE, with a public key or certificate in PEM`);
  });
}

function refuseSchemes(text: string, flag: string): void {
  const kind = /^(pgp|pkcs7|pkcs11|provider):/.exec(text)?.[1];
  if (kind === undefined) return;
  throw new Failure(
    "unsupported",
    `${flag}: keys of kind ${kind} are not supported: use an RSA or EC key in PEM (jwe)`,
    { details: { exitStatus: 125 } },
  );
}

/** A file may have a colon in its name: what there is comes first. `pass=WORD` and `file=PATH` are podman's words. */
function splitPassphrase(text: string, cwd: string): { readonly file: string; readonly passphrase: string } {
  const at = text.indexOf(":");
  if (at < 0 || existsSync(resolve(cwd, text))) return { file: text, passphrase: "" };
  const [file, word] = [text.slice(0, at), text.slice(at + 1)];
  if (word.startsWith("file="))
    return { file, passphrase: readKey(word.slice(5), cwd).replace(/\r?\n$/, "") };
  return { file, passphrase: word.startsWith("pass=") ? word.slice(5) : word };
}

function readKey(file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), "latin1");
  } catch (thrown) {
    const code = codeOf(thrown) ?? "";
    throw new Failure(
      "not-found",
      code === "ENOENT" ? "no such file or directory" : `cannot read it: ${code}`,
    );
  }
}

function withName(what: string, read: () => string): string {
  try {
    return read();
  } catch (thrown) {
    throw optionFailure(`${what}: ${sentenceOf(thrown)}`);
  }
}
