import { isFailure } from "../base/failure.ts";
import type { ContainerId } from "../model/ids.ts";
import type { CriEngine, CriObject } from "../engine/cri-engine.ts";
import type { StatisticsSample } from "../model/statistics.ts";
import type { MeasuredContainer } from "./map/statistics.ts";

/** The size of a container's files takes a walk: it is measured again after so long. */
const SIZE_AGE_MS = 60_000;
/** Samples that are closer together give no share of the CPU. */
const nearestNs = 100_000_000n;
const secondInNs = 1_000_000_000;

interface Known {
  readonly cpu: { readonly atNs: bigint; readonly totalNs: number };
  readonly nanoCores: number;
  readonly size: { readonly atMs: number; readonly writtenBytes: number } | undefined;
}

/** Measures containers when asked, and remembers of each what the next measurement needs. */
export class CriStatistics {
  readonly #cri: CriEngine;
  readonly #known = new Map<ContainerId, Known>();

  constructor(cri: CriEngine) {
    this.#cri = cri;
  }

  /** Undefined for a container that does not run. `size`: with the size of its files, at most a minute old. */
  async measure(
    { id }: CriObject,
    { size }: { readonly size: boolean },
  ): Promise<MeasuredContainer | undefined> {
    const sample = await this.#sample(id);
    if (sample === undefined) {
      this.#known.delete(id);
      return undefined;
    }
    const before = this.#known.get(id);
    const known = {
      ...cpuAfter(before, sample),
      size: size ? await this.#size(id, before) : before?.size,
    };
    this.#known.set(id, known);
    return { sample, nanoCores: known.nanoCores, writtenBytes: known.size?.writtenBytes };
  }

  /** Forgets containers that are gone. */
  forgetAllBut(objects: readonly CriObject[]): void {
    const ids = new Set(objects.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
  }

  async #sample(id: ContainerId): Promise<StatisticsSample | undefined> {
    try {
      for await (const { sample } of this.#cri.containers.stats(id, { samples: "at once" })) return sample;
    } catch (thrown) {
      if (!isFailure(thrown, "not-found")) throw thrown;
    }
    return undefined;
  }

  async #size(id: ContainerId, before: Known | undefined): Promise<Known["size"]> {
    if (before?.size !== undefined && Date.now() - before.size.atMs < SIZE_AGE_MS) return before.size;
    try {
      const { sizes } = await this.#cri.containers.inspect(id, { size: true });
      return sizes === undefined ? undefined : { atMs: Date.now(), writtenBytes: sizes.writtenBytes };
    } catch (thrown) {
      if (!isFailure(thrown, "not-found")) throw thrown;
      return undefined;
    }
  }
}

function cpuAfter(
  before: Known | undefined,
  { takenAtNs, cpu: { totalNs } }: StatisticsSample,
): Pick<Known, "cpu" | "nanoCores"> {
  const cpu = { atNs: takenAtNs, totalNs };
  if (before === undefined || totalNs < before.cpu.totalNs) return { cpu, nanoCores: 0 };
  const passedNs = takenAtNs - before.cpu.atNs;
  if (passedNs < nearestNs) return before;
  return { cpu, nanoCores: Math.round(((totalNs - before.cpu.totalNs) * secondInNs) / Number(passedNs)) };
}
