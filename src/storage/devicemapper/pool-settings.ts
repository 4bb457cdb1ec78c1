import { parseTrustedJson } from "../../base/trusted-json.ts";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { Failure } from "../../base/failure.ts";
import { codeOf, fileFailure } from "../../linux/files/file-failure.ts";
import type { FilesystemType } from "../../linux/mount/make-filesystem.ts";
import type { DevicemapperOptions } from "./devicemapper-options.ts";

/** The empty file system that all others are snapshots of, at some remove. */
export interface Base {
  readonly id: number;
  readonly bytes: number;
  readonly filesystem: FilesystemType;
  /** Whether writes in one can be limited. */
  readonly hasQuotas: boolean;
}

/** The permanent settings of a pool. */
export interface PoolSettings {
  readonly seed: string;
  /** A pool of others. */
  readonly thinPoolDevice?: string | undefined;
  readonly base?: Base | undefined;
}

/** The settings of an earlier engine, or new ones. Throws "invalid" for options that contradict them, "corrupt". */
export function openSettings(directory: string, options: DevicemapperOptions): PoolSettings {
  mkdirSync(`${directory}/ids`, { recursive: true, mode: 0o700 });
  const known = readSettings(directory);
  if (known === undefined) {
    const { thinPoolDevice } = options;
    const made = {
      seed: randomBytes(12).toString("hex"),
      thinPoolDevice,
    };
    writeSettings(directory, made);
    return made;
  }
  refuseOther("dm.thinpooldev", options.thinPoolDevice, known.thinPoolDevice ?? "a pool in files of its own");
  if (known.base !== undefined) {
    refuseOther("dm.fs", options.filesystem, known.base.filesystem);
    refuseOther("dm.basesize", options.baseBytes, known.base.bytes);
  }
  return known;
}

/** On the disk when it returns. */
export function writeSettings(directory: string, settings: PoolSettings): void {
  const draft = `${directory}/settings.new`;
  try {
    const fd = openSync(draft, "w", 0o600);
    try {
      writeFileSync(fd, `${JSON.stringify(settings)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, `${directory}/settings`);
    syncDirectory(directory);
  } catch (thrown) {
    throw fileFailure("cannot note the settings of the thin pool", thrown);
  }
}

export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The prefix of the names of this data root's devices: another data root, even a copy, has another prefix. */
export function devicePrefix({ seed }: PoolSettings, directory: string): string {
  const hash = createHash("sha256")
    .update(`${seed} ${realpathSync(directory)}`)
    .digest("hex");
  return `tare-${hash.slice(0, 12)}`;
}

function readSettings(directory: string): PoolSettings | undefined {
  const path = `${directory}/settings`;
  try {
    return parseTrustedJson<PoolSettings>(readFileSync(path, "utf8"));
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw new Failure("corrupt", `cannot read the settings of the thin pool in "${path}"`, { cause });
  }
}

function refuseOther(name: string, asked: string | number | undefined, settled: string | number): void {
  if (asked === undefined || asked === settled) return;
  throw new Failure(
    "invalid",
    `cannot use the storage option "${name}=${asked}": this data root was created with ${settled}; leave the option out, or take another --data-root`,
  );
}
