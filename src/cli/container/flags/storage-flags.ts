import type { Mount } from "../../../api/types/host-config.ts";
import type { SecretReference } from "../../../api/types/secret.ts";
import { Failure } from "../../../base/failure.ts";
import { bool, bytes, list, string } from "../../flags/kinds.ts";
import { parseMount } from "./parsers/mount.ts";
import { parseSecretFlag } from "./parsers/secret.ts";
import { type FieldTable, toHost, toTare } from "./request-fields.ts";

/** Flags about the container's files: root file system, mounts, volumes, secrets. */
export interface StorageValues {
  readonly chrootdirs: readonly string[];
  readonly "image-volume": string;
  readonly mount: readonly Mount[];
  readonly "read-only": boolean;
  readonly "read-only-tmpfs": boolean;
  readonly secret: readonly SecretReference[];
  readonly "shm-size": number | undefined;
  readonly "storage-opt": readonly string[];
  readonly tmpfs: readonly string[];
  readonly "use-api-socket": boolean;
  readonly volume: readonly string[];
  readonly "volume-driver": string;
  readonly "volumes-from": readonly string[];
}

export const storageFlags: FieldTable<StorageValues> = {
  chrootdirs: toTare(
    "ChrootDirs",
    list(
      "Directories used as root by chroot(2): they receive /etc/hosts and its siblings, too (not in Docker)",
    ),
    splitAll,
  ),
  "image-volume": toTare(
    "ImageVolumes",
    string('Handling of the image\'s volumes: "anonymous", "tmpfs" or "ignore" (not in Docker)', {
      words: ["anonymous", "tmpfs", "ignore"],
      check: checkImageVolume,
    }),
    (mode) => (mode === "bind" ? "anonymous" : mode),
  ),
  mount: {
    type: "mount",
    usage: "Attach a filesystem mount to the container",
    initial: [],
    words: ["type=bind,source=", "type=volume,source=", "type=tmpfs,target=", "type=image,source="],
    add: (text, before) => [...before, parseMount(text)],
  },
  "read-only": toHost("ReadonlyRootfs", bool("Mount the container's root filesystem as read only")),
  "read-only-tmpfs": bool("With --read-only, mount a tmpfs on /run, /tmp and /var/tmp (not in Docker)"),
  secret: toTare("Secrets", {
    type: "secret",
    usage:
      "Mount a secret as the file /run/secrets/NAME or set a variable: NAME[,type=mount|env][,OPTION=VALUE] with target, uid, gid or mode (not in Docker)",
    initial: [],
    add: (text, before) => [...before, parseSecretFlag(text)],
  } satisfies FieldTable<StorageValues>["secret"]),
  "shm-size": toHost("ShmSize", bytes("Size of /dev/shm")),
  "storage-opt": toHost(
    "StorageOpt",
    list("Storage driver options for the container", { check: checkStorageOption }),
    (texts) => Object.fromEntries(texts.map(splitOnce)),
  ),
  tmpfs: list("Mount a tmpfs directory"),
  "use-api-socket": bool("Bind mount the API socket and required auth"),
  volume: list("Bind mount a volume", { short: "v", isFile: true }),
  "volume-driver": toHost("VolumeDriver", string("Optional volume driver for the container")),
  "volumes-from": toHost("VolumesFrom", list("Mount volumes from the specified container(s)")),
};

const temporaryPaths = ["/run", "/tmp", "/var/tmp"] as const;

/** Paths that stay writable below a read-only root, except those where something is mounted anyway. */
export function parseWritableTmpfs(
  values: Pick<StorageValues, "read-only" | "read-only-tmpfs">,
  findTaken: () => readonly (string | undefined)[],
): Readonly<Record<string, string>> {
  if (!values["read-only-tmpfs"] || !values["read-only"]) return {};
  const taken = findTaken();
  const free = temporaryPaths.filter((path) => !taken.includes(path));
  return Object.fromEntries(free.map((path) => [path, path === "/run" ? "mode=755" : "mode=1777"]));
}

/** The items of comma-separated lists. */
export function splitAll(lists: readonly string[]): readonly string[] {
  return lists.flatMap((items) => items.split(",")).filter((item) => item !== "");
}

function checkImageVolume(text: string): string {
  if (["anonymous", "bind", "tmpfs", "ignore"].includes(text)) return text;
  throw new Failure("invalid", "must be anonymous, bind (the same), tmpfs or ignore");
}

function checkStorageOption(text: string): string {
  if (text.includes("=")) return text;
  throw new Failure("invalid", "invalid storage option");
}

function splitOnce(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}
