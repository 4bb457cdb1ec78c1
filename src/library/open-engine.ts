import { parseBridgeGsoMaxSize } from "../spec/gso-max-size.ts";
import type { PublishPolicy } from "../spec/publish-policy.ts";
import type { BlobPolicy } from "../spec/registry/blob-policy.ts";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "../base/failure.ts";
import { startEngine } from "../engine/local-engine.ts";
import { openDependencies } from "../engine/open-dependencies.ts";
import { registryOptionsOf } from "./registry-settings.ts";
import type { Engine } from "../model/engine.ts";

export interface OpenOptions {
  /** Images, containers, state. Default `/var/lib/tare`. One engine at a time. */
  readonly dataRoot?: string;
  /** What need not survive a reboot. Default `/run/tare`. One engine at a time. */
  readonly runRoot?: string;
  /**
   * "overlay", "erofs", "btrfs", "vfs" or "aufs" (`docs/guide/storage-drivers.md`). Absent: the one that the data root has begun with, else the first that works here. Another than the one that
   * its images and containers are in is "invalid".
   */
  readonly storageDriver?: string;
  /** The driver's own, `name=value`: `dm.basesize=20G`, … of devicemapper (docs/guide/storage-drivers.md). */
  readonly storageOptions?: readonly string[];
  /** Mirrors, insecure and blocked registries. Default `/etc/tare/registries.conf`, which need not be there. */
  readonly registriesFile?: string;
  /** Host ids that containers with a user namespace of their own get; default: see README. */
  readonly idPool?: { readonly first: number; readonly count: number };
  /**
   * What becomes of layers' blobs once they are unpacked: "keep", "rebuild" (they go where they can be made again, bit for bit), "refetch"
   * (also where a registry has them). Absent: what the data root has begun with, at first "keep".
   */
  readonly blobPolicy?: BlobPolicy;
  /**
   * Whether published ports obey the host's input rules ("respect-host"), or pass them by as with Docker: "docker", the default.
   */
  readonly publishPolicy?: PublishPolicy;
  /**
   * The largest packets of TCP over IPv4 on the default bridge, in bytes, from 65536 (the default) to 524280: see `gso_max_size` in docs/guide/networks-and-firewall.md.
   */
  readonly bridgeGsoMaxSize?: number;
  /** Whether packets between containers of the default bridge pass it by (default: no): see `bypass_bridge` in docs/guide/networks-and-firewall.md. */
  readonly bridgeBypass?: boolean;
  /**
   * How long layers of a pull that failed are kept for the next one, and when the disk is too full for that.
   * Default: an hour; from 85 percent of the file system in use down to 80.
   */
  readonly garbage?: { readonly graceMs: number; readonly highPercent: number; readonly lowPercent: number };
  /** File of the keeper program; by default the one that was built with this library. */
  readonly keeperProgram?: string;
  /** File of the embedded image's program; by default the one that was built with this library. */
  readonly helloProgram?: string;
}

/**
 * An engine in this process: no daemon. The caller disposes of it; its containers go on, and the next engine on the
 * same roots finds them. Throws "conflict" naming the holder when one of the roots is in use, "not-permitted" without root.
 */
export async function openEngine(options: OpenOptions = {}): Promise<Engine> {
  if (process.getuid?.() !== 0) {
    throw new Failure("not-permitted", "cannot open the engine: it needs root");
  }
  const parts = await openDependencies({
    dataRoot: options.dataRoot ?? "/var/lib/tare",
    runRoot: options.runRoot ?? "/run/tare",
    ...(options.storageDriver === undefined ? {} : { storageDriver: options.storageDriver }),
    ...(options.storageOptions === undefined ? {} : { storageOptions: options.storageOptions }),
    registries: registryOptionsOf({
      configFile: options.registriesFile ?? "/etc/tare/registries.conf",
      certificateDirectories: ["/etc/tare/certs.d", "/etc/docker/certs.d"],
      env: process.env,
    }),
    ...(options.idPool === undefined ? {} : { idPool: options.idPool }),
    ...(options.blobPolicy === undefined ? {} : { blobPolicy: options.blobPolicy }),
    ...(options.publishPolicy === undefined ? {} : { publishPolicy: options.publishPolicy }),
    ...(options.bridgeGsoMaxSize === undefined
      ? {}
      : { bridgeGsoMaxSize: parseBridgeGsoMaxSize(String(options.bridgeGsoMaxSize), "bridgeGsoMaxSize") }),
    ...(options.bridgeBypass === undefined ? {} : { bridgeBypass: options.bridgeBypass }),
    ...(options.garbage === undefined ? {} : { garbageRules: options.garbage }),
    keeperProgram: options.keeperProgram ?? findBuilt("keeper.elf"),
    helloProgram: options.helloProgram ?? findBuilt("hello.elf"),
  });
  try {
    return await startEngine(parts);
  } catch (thrown) {
    await parts[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** The build output beside the sources (`native/build`) or beside the compiled library (`dist/native`). */
function findBuilt(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const places = ["../../native/build", "../../native", "../../../native/build"].map((place) =>
    join(here, place, name),
  );
  const found = places.find((place) => existsSync(place));
  if (found === undefined) {
    throw new Failure(
      "unavailable",
      `cannot find "${name}": run "npm run build" (looked at ${places.join(", ")})`,
    );
  }
  return found;
}
