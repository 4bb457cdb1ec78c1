import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../spec/digest.ts";
import { type ImageConfig, noDefaults } from "../../spec/image/config.ts";
import { reconnect } from "../../runtime/reconnect.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import type { ContainerState } from "../../model/container-state.ts";
import { findContainerId } from "../../model/ids.ts";
import { listSnapshots } from "./stored-objects.ts";

/**
 * Records the containers that have a file system but no record. Their settings are lost: the records serve to read
 * their files and logs, to commit, to stop and to remove them.
 */
export async function addContainers(
  state: State,
  { dataRoot, runRoot }: { readonly dataRoot: string; readonly runRoot: string },
): Promise<readonly string[]> {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  const added: string[] = [];
  for (const [text, layers = []] of listSnapshots(dataRoot)) {
    const id = findContainerId(text);
    if (id === undefined || state.findContainer(id) !== undefined) continue;
    const image = state.images().find(({ config }) => isSame(config.diffIds, layers));
    const { state: lastState, startTime } = await findRun(join(runRoot, "containers", id));
    const name = `recovered-${id.slice(0, 12)}`;
    const record: ContainerRecord = {
      id,
      name,
      createdAt: Date.now(),
      spec: {
        image: image?.id ?? "unknown",
        isolation: { namespaces: { network: "none" } },
        process: image === undefined ? { command: ["false"] } : undefined,
      },
      image: image?.id ?? "unknown",
      imageId: image?.id ?? "",
      imageConfig: image?.config ?? emptyConfig(layers),
      layers,
      state: lastState,
      startTime,
      bootId,
      restartCount: 0,
      starts: "startedAt" in lastState && lastState.startedAt !== undefined ? [lastState.startedAt] : [],
    };
    state.putContainer(record);
    added.push(`container ${name} (${lastState.status}): its settings are lost`);
  }
  return added;
}

/** The state that its keeper reports, or the record of its end. */
async function findRun(
  runDirectory: string,
): Promise<{ readonly state: ContainerState; readonly startTime?: string | undefined }> {
  const ended = { status: "exited", code: 255, oomKilled: false, finishedAt: Date.now() } as const;
  if (!existsSync(runDirectory)) return { state: ended };
  const found = await reconnect(runDirectory).catch(() => undefined);
  if (found === undefined || !("pid" in found)) return { state: ended };
  const { pid, startTime } = found;
  await found[Symbol.asyncDispose]();
  return { state: { status: "running", pid, startedAt: Date.now() }, startTime: String(startTime) };
}

function isSame(one: readonly Digest[], other: readonly Digest[]): boolean {
  return one.length === other.length && one.every((digest, index) => digest === other[index]);
}

function emptyConfig(diffIds: readonly Digest[]): ImageConfig {
  return {
    platform: { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" },
    defaults: noDefaults,
    diffIds,
    history: [],
  };
}
