import { isOneOf } from "../../base/keys.ts";
import { Failure } from "../../base/failure.ts";
import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MOUNT_ATTR__ATIME,
} from "../constants/mount.ts";
import { type FilesystemParameter, type Propagation, propagations } from "./mount.ts";

/** Mount options as data: attributes of the mount, parameters of its file system. */
export interface MountOptions {
  /** MOUNT_ATTR_* */
  readonly attributes: number;
  readonly parameters: readonly FilesystemParameter[];
  readonly propagation?: { readonly type: Propagation; readonly recursive: boolean } | undefined;
}

interface AttributeChange {
  readonly set: number;
  readonly clear: number;
}

const on = (set: number, clear = 0): AttributeChange => ({ set, clear });
const off = (clear: number): AttributeChange => ({ set: 0, clear });

/** The words of mount(8) that are about the mount itself; a later one wins over an earlier one. */
const attributeWords: ReadonlyMap<string, AttributeChange> = new Map([
  ["ro", on(MOUNT_ATTR_RDONLY)],
  ["rw", off(MOUNT_ATTR_RDONLY)],
  ["nosuid", on(MOUNT_ATTR_NOSUID)],
  ["suid", off(MOUNT_ATTR_NOSUID)],
  ["nodev", on(MOUNT_ATTR_NODEV)],
  ["dev", off(MOUNT_ATTR_NODEV)],
  ["noexec", on(MOUNT_ATTR_NOEXEC)],
  ["exec", off(MOUNT_ATTR_NOEXEC)],
  ["noatime", on(MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME)],
  ["atime", off(MOUNT_ATTR_NOATIME)],
  ["relatime", on(MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME)],
  ["norelatime", on(0)],
  ["strictatime", on(MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME)],
  ["nostrictatime", off(MOUNT_ATTR_STRICTATIME)],
  ["nodiratime", on(MOUNT_ATTR_NODIRATIME)],
  ["diratime", off(MOUNT_ATTR_NODIRATIME)],
  ["nosymfollow", on(MOUNT_ATTR_NOSYMFOLLOW)],
  ["symfollow", off(MOUNT_ATTR_NOSYMFOLLOW)],
  ["defaults", off(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)],
]);

/** The parameters that a tmpfs accepts; others in a `--tmpfs` are refused, as in Docker. */
const tmpfsParameters: ReadonlyMap<string, RegExp> = new Map([
  ["size", /^\d{1,15}[kKmMgG%]?$/],
  ["mode", /^[0-7]{1,5}$/],
  ["uid", /^\d{1,10}$/],
  ["gid", /^\d{1,10}$/],
  ["nr_inodes", /^\d{1,15}[kKmMgG]?$/],
  ["nr_blocks", /^\d{1,15}[kKmMgG]?$/],
  ["mpol", /^[a-z]+(=[a-z]+)?(:[\d,-]+)?$/],
]);

/** Docker's options for a tmpfs before the user's own. */
export const defaultTmpfsOptions = "noexec,nosuid,nodev";

/**
 * The options of a tmpfs, `ro,nosuid,size=64m,mode=1777`; of contradicting words the last counts. "invalid" for an
 * option that tmpfs does not support. `size` without a unit is in bytes.
 */
export function parseTmpfsOptions(text: string): MountOptions {
  const parameters = new Map<string, string>();
  const rest = parseAttributes(text.split(","));
  for (const option of rest.unknown) {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/.exec(option) ?? [];
    if (tmpfsParameters.get(name)?.test(value) !== true) {
      throw new Failure("invalid", `cannot use tmpfs option "${option}": invalid tmpfs option "${option}"`);
    }
    parameters.set(name, value);
  }
  return { ...rest.options, parameters: [...parameters] };
}

/**
 * The options of a mount in an OCI runtime configuration. Words that are neither attribute nor propagation go to the
 * file system unchanged. `bind` and `rbind`, which select the kind of mount, are left out.
 */
export function parseMountOptions(words: readonly string[]): MountOptions {
  const { options, unknown } = parseAttributes(words.filter((word) => word !== "bind" && word !== "rbind"));
  const parameters = unknown.map((word): FilesystemParameter => {
    const equals = word.indexOf("=");
    return equals < 0 ? [word, true] : [word.slice(0, equals), word.slice(equals + 1)];
  });
  return { ...options, parameters };
}

function parseAttributes(words: readonly string[]): {
  readonly options: Omit<MountOptions, "parameters">;
  readonly unknown: readonly string[];
} {
  let attributes = 0;
  let propagation: MountOptions["propagation"];
  const unknown: string[] = [];
  for (const word of words) {
    const change = attributeWords.get(word);
    const recursive = word.startsWith("r");
    const type = recursive ? word.slice(1) : word;
    if (change !== undefined) attributes = (attributes & ~change.clear) | change.set;
    else if (isOneOf(propagations, type)) propagation = { type, recursive };
    else if (word !== "") unknown.push(word);
  }
  return { options: { attributes, propagation }, unknown };
}

/** The parameters as the text that mount(2) takes. */
export function formatMountData(parameters: readonly FilesystemParameter[]): string {
  return parameters.map(([key, value]) => (value === true ? key : `${key}=${value}`)).join(",");
}
