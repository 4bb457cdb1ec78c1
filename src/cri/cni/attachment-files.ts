import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../base/failure.ts";
import { parseTrustedJson } from "../../base/trusted-json.ts";
import type { NetworkConfig, RuntimeConfig } from "./network-config.ts";

/** What was done for a pod, and with which configuration: it is undone with the same. */
export interface AttachmentRecord {
  readonly config: NetworkConfig;
  readonly interfaceName: string;
  readonly args: string;
  readonly runtimeConfig: RuntimeConfig;
  /** What the last plugin has answered; absent: attaching has not ended. */
  readonly result?: unknown;
}

/** One file for each pod that is attached, or was when the engine ended. */
export class AttachmentFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  find(podId: string): AttachmentRecord | undefined {
    try {
      return parseTrustedJson<AttachmentRecord>(readFileSync(this.#path(podId), "utf8"));
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return undefined;
      throw thrown;
    }
  }

  write(podId: string, record: AttachmentRecord): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#path(podId);
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  remove(podId: string): void {
    rmSync(this.#path(podId), { force: true });
  }

  podIds(): readonly string[] {
    try {
      return readdirSync(this.#directory).flatMap((name) => /^([0-9a-f]+)\.json$/.exec(name)?.[1] ?? []);
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return [];
      throw thrown;
    }
  }

  #path(podId: string): string {
    return join(this.#directory, `${podId}.json`);
  }
}
