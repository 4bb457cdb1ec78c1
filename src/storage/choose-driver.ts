import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Failure, sentenceOf, within } from "../base/failure.ts";
import { fault } from "../base/fault.ts";
import { codeOf, fileFailure } from "../linux/files/file-failure.ts";
import type { DriverOptions, StorageDriver } from "./driver.ts";
import { openStorage, parseDriverName, storageDriverNames } from "./drivers.ts";

export interface ChosenStorage {
  readonly storage: StorageDriver;
  /** Why it is this driver, for people: "it is the fastest that works here". */
  readonly reason: string;
  /** Its drawback; absent: none. */
  readonly warning?: string | undefined;
}

/** From the best to the one that works everywhere. */
const automatic = ["overlay", "btrfs", "vfs"];

const slow =
  'the storage driver vfs copies the whole image for each container: slow, and it takes much space; see "Chosen" in `tare info`';

/**
 * Opens the requested driver, else the driver that the data root was created with, else the first that works here. The
 * caller disposes of it. Throws "invalid" when the request differs from the driver of the data root's containers
 * (images alone may change: their layers are unpacked from their blobs again), "unsupported" when that driver does not
 * work (any more).
 */
export async function openChosenStorage(
  dataRoot: string,
  { driver, ...options }: DriverOptions & { readonly driver?: string | undefined } = {},
): Promise<ChosenStorage> {
  const asked = driver === undefined ? undefined : parseDriverName(driver);
  const used = findUsedDriver(dataRoot);
  if (asked !== undefined && used !== undefined && asked !== used.name) {
    if (used.hasContainers) {
      throw new Failure(
        "invalid",
        `cannot use the storage driver "${asked}": the containers in "${dataRoot}" are in "${used.name}"; ` +
          `start with --storage-driver ${used.name} and remove them first, or with another --data-root`,
      );
    }
    const storage = await openStorage(dataRoot, { ...options, driver: asked });
    const reason = `asked for; the images that were in ${used.name} are unpacked again when they are needed`;
    return chosen(dataRoot, { storage, reason });
  }
  if (asked !== undefined) {
    const reason = driver === asked ? "asked for" : `asked for as ${driver}`;
    return chosen(dataRoot, { storage: await openStorage(dataRoot, { ...options, driver: asked }), reason });
  }
  if (used !== undefined) {
    const storage = await openUsed(dataRoot, { ...options, driver: used.name });
    return chosen(dataRoot, { storage, reason: "the images and containers of this data root are in it" });
  }
  return chosen(dataRoot, await openFirstThatWorks(dataRoot, options));
}

async function openUsed(
  dataRoot: string,
  options: DriverOptions & { readonly driver: string },
): Promise<StorageDriver> {
  try {
    return await openStorage(dataRoot, options);
  } catch (thrown) {
    throw within(
      `cannot open the storage driver that the images and containers in "${dataRoot}" are in`,
      thrown,
    );
  }
}

async function openFirstThatWorks(
  dataRoot: string,
  options: DriverOptions,
): Promise<{ storage: StorageDriver; reason: string }> {
  const refusals: string[] = [];
  for (const driver of automatic) {
    try {
      const storage = await openStorage(dataRoot, { ...options, driver });
      const reason = refusals.length === 0 ? "it is the fastest that works here" : refusals.join("; ");
      return { storage, reason };
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.kind !== "unsupported") throw thrown;
      refusals.push(sentenceOf(thrown));
    }
  }
  throw new Failure("unsupported", `cannot open any storage driver: ${refusals.join("; ")}`);
}

function chosen(dataRoot: string, made: { storage: StorageDriver; reason: string }): ChosenStorage {
  const path = rememberedPath(dataRoot);
  if (readText(path) !== made.storage.name) {
    fault("storage.opened");
    try {
      mkdirSync(`${dataRoot}/storage`, { recursive: true, mode: 0o700 });
      // By one rename: a crash leaves the old name or the new one.
      writeFileSync(`${path}.new`, `${made.storage.name}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (thrown) {
      throw fileFailure("cannot note the storage driver", thrown);
    }
    fault("storage.noted");
  }
  const warning = made.storage.name === "vfs" ? slow : made.storage.warning;
  return warning === undefined ? made : { ...made, warning };
}

/**
 * Other drivers that have layers of this data root, or what a crash left of removing or making some, and no containers.
 */
export function listFormerDrivers(dataRoot: string, current: string): readonly string[] {
  return storageDriverNames.filter(
    (name) =>
      name !== current &&
      ["layers", "trash", "drafts"].some((directory) =>
        isFilled(`${dataRoot}/storage/${name}/${directory}`),
      ) &&
      !isFilled(`${dataRoot}/storage/${name}/snapshots`),
  );
}

/**
 * The driver that has containers of this data root, else the one that was used last, as long as there are layers at
 * all.
 */
function findUsedDriver(
  dataRoot: string,
): { readonly name: string; readonly hasContainers: boolean } | undefined {
  const last = readText(rememberedPath(dataRoot));
  const having = (directory: string): readonly string[] =>
    storageDriverNames.filter((name) => isFilled(`${dataRoot}/storage/${name}/${directory}`));
  const withContainers = having("snapshots");
  const name = withContainers.find((each) => each === last) ?? withContainers[0];
  if (name !== undefined) return { name, hasContainers: true };
  const withLayers = having("layers");
  const known = storageDriverNames.find((each) => each === last) ?? withLayers[0];
  return withLayers.length === 0 || known === undefined ? undefined : { name: known, hasContainers: false };
}

function rememberedPath(dataRoot: string): string {
  return `${dataRoot}/storage/driver`;
}

function isFilled(directory: string): boolean {
  try {
    return readdirSync(directory).length > 0;
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return false;
    throw fileFailure(`cannot look at "${directory}"`, thrown);
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw fileFailure(`cannot read "${path}"`, thrown);
  }
}
