import { lookup } from "node:dns/promises";
import { realpathSync } from "node:fs";
import { isIP } from "node:net";
import { Failure, within } from "../base/failure.ts";
import type { OwnedFd } from "../linux/kernel/fd.ts";
import { cloneTree, createFilesystem, setMountAttributes } from "../linux/mount/mount.ts";
import { parseMountOptions } from "../linux/mount/mount-options.ts";

/** The values of `--opt` for the driver "local": as for mount(8). */
export interface LocalOptions {
  readonly type: string;
  readonly device: string;
  /** As after `mount -o`. */
  readonly words: readonly string[];
}

/** Of a plain directory; options of our own. */
export interface DirectoryOptions {
  readonly mode: number;
  readonly gid: number;
}

const known: ReadonlySet<string> = new Set(["type", "o", "device", "size", "mode", "gid"]);
const required: readonly (readonly [option: string, needs: readonly string[]])[] = [
  ["device", ["type"]],
  ["type", ["device"]],
  ["o", ["device", "type"]],
];
/** For mount(8) and its callers, not for the kernel. */
const forOthers = /^(?:_netdev|nofail|auto|noauto|user|nouser|users|x-.*|comment=.*)$/;

/**
 * Validates a volume's options in Docker's words. Undefined: a plain directory. Throws "invalid" for an impossible
 * option, "unsupported" for a limit on a plain directory's size.
 */
export function parseLocalOptions(options: Readonly<Record<string, string>>): LocalOptions | undefined {
  for (const name of Object.keys(options)) {
    if (!known.has(name))
      throw new Failure("invalid", `invalid option: ${JSON.stringify(name.slice(0, 100))}`);
    if (options[name]?.includes("\0") === true)
      throw new Failure("invalid", `invalid option: a NUL in "${name}"`);
  }
  for (const [option, needs] of required) {
    const missing = options[option] === undefined ? undefined : needs.find((name) => !options[name]);
    if (missing !== undefined)
      throw new Failure("invalid", `missing required option: ${JSON.stringify(missing)}`);
  }
  if (options["size"] !== undefined) {
    throw new Failure("unsupported", "quota size requested but no quota support");
  }
  const { type, device, o = "" } = options;
  if (type === undefined || device === undefined) {
    directoryOptionsOf(options);
    return undefined;
  }
  const own = ["mode", "gid"].find((name) => options[name] !== undefined);
  if (own !== undefined)
    throw new Failure("invalid", `invalid option: "${own}" is for a plain directory, without a type`);
  return { type, device, words: o.split(",").filter((word) => word !== "" && !forOthers.test(word)) };
}

/** The owning group and the mode of a plain directory that is made. Throws "invalid". */
export function directoryOptionsOf({
  mode = "0755",
  gid = "0",
}: Readonly<Record<string, string>>): DirectoryOptions {
  if (!/^[0-7]{3,4}$/.test(mode))
    throw new Failure("invalid", `invalid option: mode "${mode.slice(0, 100)}" is not octal`);
  if (!/^\d{1,9}$/.test(gid))
    throw new Failure("invalid", `invalid option: gid "${gid.slice(0, 100)}" is no group id`);
  return { mode: Number.parseInt(mode, 8), gid: Number(gid) };
}

/**
 * Mounts a volume as its options request, detached: it lives while a process holds it or a clone of it. The caller
 * disposes of the result. SAFETY: the owner of the volume chose `device`, a path of the host; it is followed once,
 * here.
 */
export async function mountLocalVolume({ type, device, words }: LocalOptions): Promise<OwnedFd> {
  try {
    const { attributes, parameters } = parseMountOptions(await resolveAddresses(words));
    if (words.includes("bind") || words.includes("rbind")) {
      const recursive = words.includes("rbind");
      const tree = cloneTree(realpathSync(device), { recursive });
      if (attributes !== 0) setMountAttributes(tree.fd, { set: attributes, recursive });
      return tree;
    }
    return createFilesystem(type, parameters, { attributes, source: device });
  } catch (thrown) {
    throw within(
      `failed to mount local volume: type ${type}, device ${device}, options "${words.join(",")}"`,
      thrown,
    );
  }
}

/** The kernel's network file systems accept numbers only. */
async function resolveAddresses(words: readonly string[]): Promise<readonly string[]> {
  return await Promise.all(
    words.map(async (word) => {
      const name = /^addr=(.+)$/.exec(word)?.[1];
      if (name === undefined || isIP(name) !== 0) return word;
      return `addr=${(await lookup(name)).address}`;
    }),
  );
}
