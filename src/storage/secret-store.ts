import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { fault } from "../base/fault.ts";
import { fileFailure } from "../linux/files/file-failure.ts";
import { openDirectoryPath, readFileInRoot } from "../linux/files/open.ts";
import { Failure, within } from "../base/failure.ts";
import { syncFile } from "../linux/files/sync.ts";
import { findSecretId, type SecretId } from "../model/ids.ts";

/** More than any value has. */
const mostBytes = 1024 * 1024;

/**
 * Values of secrets, `<dataRoot>/secrets/ID`, files of root alone (0600). What is there is whole and survives power
 * loss. A value never changes: another one has another id.
 */
export class SecretStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  list(): readonly SecretId[] {
    return readdirSync(this.#root).flatMap((name) => findSecretId(name) ?? []);
  }

  /** Keeps the value, durably. */
  async put(id: SecretId, value: Uint8Array): Promise<void> {
    const draft = `${this.#root}/.${id}`;
    try {
      // SAFETY: "wx": nothing that is there is written to, also not what a link leads to.
      await using file = await open(draft, "wx", 0o600);
      await file.writeFile(value);
      await file.sync();
      fault("secret.drafted");
      renameSync(draft, `${this.#root}/${id}`);
      using root = openDirectoryPath(this.#root);
      await syncFile(root.fd);
      fault("secret.kept");
    } catch (thrown) {
      rmSync(draft, { force: true });
      throw fileFailure("cannot keep the secret", thrown);
    }
  }

  /** Throws "corrupt" when it is gone: another program has removed it. */
  read(id: SecretId): Uint8Array {
    let value: Uint8Array | undefined;
    try {
      using root = openDirectoryPath(this.#root);
      value = readFileInRoot(root.fd, id, { limit: mostBytes });
    } catch (thrown) {
      throw within(`cannot read the value of secret ${id}`, thrown);
    }
    if (value !== undefined) return value;
    throw new Failure("corrupt", `cannot read the value of secret ${id}: it is not in the store any more`);
  }

  /** Fine when absent. */
  remove(id: SecretId): void {
    rmSync(`${this.#root}/${id}`, { force: true });
  }
}

/** Opens `<dataRoot>/secrets`; what a crash left half-made is removed. */
export function openSecretStore(dataRoot: string): SecretStore {
  const root = `${dataRoot}/secrets`;
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root)) if (name.startsWith(".")) rmSync(`${root}/${name}`, { force: true });
  return new SecretStore(root);
}
