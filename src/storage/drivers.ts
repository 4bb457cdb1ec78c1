import { required } from "../base/required.ts";
import { Failure } from "../base/failure.ts";
import type { DriverOptions, StorageDriver } from "./driver.ts";

/** Each driver is loaded when it is opened. */
const drivers: Readonly<Record<string, (root: string, options: DriverOptions) => Promise<StorageDriver>>> = {
  overlay: async (root, options) =>
    (await import("./overlay/overlay-driver.ts")).openOverlayDriver(root, options),
  erofs: async (root, options) => (await import("./erofs/erofs-driver.ts")).openErofsDriver(root, options),
  btrfs: async (root, options) => (await import("./btrfs/btrfs-driver.ts")).openBtrfsDriver(root, options),
  aufs: async (root, options) => (await import("./aufs/aufs-driver.ts")).openAufsDriver(root, options),
  devicemapper: async (root, options) =>
    (await import("./devicemapper/devicemapper-driver.ts")).openDevicemapperDriver(root, options),
  vfs: async (root, options) => (await import("./vfs/vfs-driver.ts")).openVfsDriver(root, options),
};

/** Those that take storage options. */
const withOptions: ReadonlySet<string> = new Set(["devicemapper"]);

/** Docker's names for the same. */
const aliases: Readonly<Record<string, string>> = { overlay2: "overlay", overlayfs: "overlay" };

export const storageDriverNames: readonly string[] = Object.keys(drivers);

/** Our name of the driver. Throws "invalid" for an unknown one. */
export function parseDriverName(text: string): string {
  const name = Object.hasOwn(aliases, text) ? (aliases[text] ?? "") : text;
  if (Object.hasOwn(drivers, name)) return name;
  const known = storageDriverNames.join(", ");
  throw new Failure(
    "invalid",
    `cannot open storage driver "${text}": there is no such driver (known: ${known})`,
  );
}

/**
 * Opens the driver's part of the data root, `<dataRoot>/storage/<driver>`; the caller disposes of it. Deletes what a
 * crash left half-made, in the background. Only one engine may have the data root open.
 * Throws "invalid" for an unknown name and for options that the driver does not have, "unsupported" when kernel or file
 * system can't do it.
 */
export async function openStorage(
  dataRoot: string,
  { driver = "overlay", ...options }: DriverOptions & { readonly driver?: string | undefined } = {},
): Promise<StorageDriver> {
  const name = parseDriverName(driver);
  const [option] = options.storageOptions ?? [];
  if (option !== undefined && !withOptions.has(name)) {
    throw new Failure(
      "invalid",
      `cannot use the storage option "${option}": the storage driver ${name} has no options (those of devicemapper begin with dm.)`,
    );
  }
  return await required(drivers[name])(`${dataRoot}/storage/${name}`, options);
}
