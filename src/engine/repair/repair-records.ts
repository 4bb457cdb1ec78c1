import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { Failure, kindOf, within } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { openContentStore } from "../../image/content-store.ts";
import { joinLog, logSuffix, removeDatabase, syncPath } from "../state/join-log.ts";
import { lockRoot } from "../state/locked-root.ts";
import { copyPaths } from "../state/state-copies.ts";
import { openDraftState, openState, type State } from "../state/state.ts";
import { openVolumeStore } from "../../storage/volume-store.ts";
import { VolumeCatalog } from "../volumes/volume-catalog.ts";
import { addContainers } from "./add-containers.ts";
import { addImages } from "./add-images.ts";
import { listLost } from "./list-lost.ts";
import { unconfirmedFact } from "../unconfirmed.ts";

export interface RepairReport {
  /** The source of the records. */
  readonly source: string;
  /** Where the damaged database is now; absent: there was none. */
  readonly asideAt?: string | undefined;
  /** Objects on the disk that had no record. */
  readonly added: readonly string[];
  readonly lost: readonly string[];
}

interface Roots {
  readonly dataRoot: string;
  readonly runRoot: string;
}

/**
 * Makes records for a data root whose database is lost or damaged: from the newest good copy, then from the disk and
 * the living keepers. Undefined when the database is sound. Nothing is removed from the disk, here and by the engine,
 * until confirmRepair(). Throws "conflict" while an engine has one of the roots. Atomic: the records are made in a
 * draft, so that one that was killed leaves the data root as it was, to the next one.
 */
export async function repairRecords({ dataRoot, runRoot }: Roots): Promise<RepairReport | undefined> {
  using _data = await lockRoot(dataRoot, "data root");
  using _run = await lockRoot(runRoot, "run root");
  const draft = join(dataRoot, "state.db.draft");
  removeDatabase(draft);
  if (isSound(dataRoot)) return undefined;
  const report = await makeRecords(draft, { dataRoot, runRoot });
  joinLog(draft);
  fault("repair.added");
  const asideAt = putAside(dataRoot);
  renameSync(draft, join(dataRoot, "state.db"));
  syncPath(dataRoot);
  fault("repair.moved");
  return { ...report, asideAt };
}

async function makeRecords(draft: string, { dataRoot, runRoot }: Roots): Promise<RepairReport> {
  const { state, source } = openBest(dataRoot, draft);
  using opened = state;
  opened.putFact(unconfirmedFact, new Date().toISOString());
  const content = await openContentStore(dataRoot);
  const lost = listLost(opened, dataRoot);
  const added = [
    ...(await addImages(opened, { dataRoot, content })),
    ...(await addVolumes(opened, dataRoot)),
    ...(await addContainers(opened, { dataRoot, runRoot })),
  ];
  return { source, added, lost };
}

/**
 * The user has seen what the repair has done: from now on garbage is collected again. False when there was no repair.
 */
export async function confirmRepair({ dataRoot, runRoot }: Roots): Promise<boolean> {
  using _data = await lockRoot(dataRoot, "data root");
  using _run = await lockRoot(runRoot, "run root");
  using state = openState(dataRoot);
  const isUnconfirmed = state.findFact(unconfirmedFact) !== undefined;
  state.removeFact(unconfirmedFact);
  return isUnconfirmed;
}

function isSound(dataRoot: string): boolean {
  try {
    using state = openState(dataRoot);
    state.requireSound();
    return true;
  } catch (thrown) {
    if (kindOf(thrown) === "corrupt") return false;
    throw thrown;
  }
}

/** The database that can't be used, with its log: one of them is alone where a repair was killed between the two. */
function putAside(dataRoot: string): string | undefined {
  const names = ["state.db", `state.db${logSuffix}`];
  const full = names.filter(
    (name) => (statSync(join(dataRoot, name), { throwIfNoEntry: false })?.size ?? 0) > 0,
  );
  if (full.length === 0) {
    removeDatabase(join(dataRoot, "state.db"));
    return undefined;
  }
  const directory = join(dataRoot, `state-damaged-${Date.now()}`);
  mkdirSync(directory, { mode: 0o700 });
  for (const name of full) {
    renameSync(join(dataRoot, name), join(directory, name));
    if (name === "state.db") fault("repair.aside");
  }
  return directory;
}

/** Of the newest copy that is sound, else a new one. */
function openBest(dataRoot: string, draft: string): { readonly state: State; readonly source: string } {
  for (const copy of copyPaths(dataRoot)) {
    if (!existsSync(copy)) continue;
    copyFileSync(copy, draft);
    fault("repair.copied");
    try {
      const state = openDraftState(draft);
      try {
        state.requireSound();
        return { state, source: `the copy of ${state.findFact("copied") ?? "unknown time"}` };
      } catch (thrown) {
        state[Symbol.dispose]();
        throw thrown;
      }
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.kind !== "corrupt") throw within("cannot repair", thrown);
      removeDatabase(draft);
    }
  }
  return { state: openDraftState(draft), source: "the disk alone: there is no sound copy" };
}

async function addVolumes(state: State, dataRoot: string): Promise<readonly string[]> {
  const known = new Set(state.volumes().keys());
  await new VolumeCatalog(state, await openVolumeStore(dataRoot)).reconcile();
  return [...state.volumes().keys()].filter((name) => !known.has(name)).map((name) => `volume ${name}`);
}
