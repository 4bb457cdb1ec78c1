import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import { codeOf, fileFailure } from "../../linux/files/file-failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { filesystemName, filesystemStatus } from "../../linux/mount/filesystem-status.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { spreadDirectories } from "../../linux/files/spread-directories.ts";
import { syncFilesystem } from "../../linux/files/sync.ts";
import { removeTree } from "../../linux/tree/tree.ts";
import { type Digest, Digester } from "../../spec/digest.ts";
import type { StorageDriver } from "../../storage/driver.ts";
import { storageDriverNames } from "../../storage/drivers.ts";
import type {
  StorageBenchEvent,
  StorageBenchFigures,
  StorageBenchOptions,
  StorageBenchStep,
} from "../../model/storage-bench.ts";
import type { EngineDependencies } from "../dependencies.ts";
import { measureDriver } from "./measure-driver.ts";
import { measureNative } from "./measure-native.ts";
import { type BenchPlan, resolveBench } from "./resolve-bench.ts";
import { sampleLayer } from "./sample-layer.ts";

/**
 * Compares the storage drivers, each with a store of its own in a directory within the data root that goes when it
 * ends, however it ends: what the engine has is not touched.
 */
export class StorageBench implements AsyncDisposable {
  readonly #directory: string;
  readonly #openStorage: EngineDependencies["openStorage"];
  #running: AsyncGenerator<StorageBenchEvent, void, undefined> | undefined;

  constructor({ dataRoot, openStorage }: Pick<EngineDependencies, "dataRoot" | "openStorage">) {
    this.#directory = join(dataRoot, "bench");
    this.#openStorage = openStorage;
  }

  /** One at a time: throws "conflict". Of resolveBench() the failures, too. */
  async *run(options: StorageBenchOptions): AsyncGenerator<StorageBenchEvent, void, undefined> {
    if (this.#running !== undefined) {
      throw new Failure("conflict", "cannot compare the storage drivers: that is going on already");
    }
    this.#running = this.#runClean(options);
    try {
      yield* this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Removes what a crash left. Idempotent; call it before the first run(). */
  async removeLeftOver(): Promise<void> {
    await this.#remove(namesIn(this.#directory));
  }

  /** Ends what goes on at its next step, and cleans up. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.return().catch(() => undefined);
  }

  async *#runClean(options: StorageBenchOptions): AsyncGenerator<StorageBenchEvent, void, undefined> {
    const name = randomBytes(6).toString("hex");
    try {
      yield* this.#compare(this.#makeDirectory(name), options);
    } finally {
      await this.#remove([name]);
    }
  }

  async *#compare(
    path: string,
    { signal, ...options }: StorageBenchOptions,
  ): AsyncGenerator<StorageBenchEvent, void, undefined> {
    using opened = openDirectoryPath(path);
    const directory = opened.fd;
    const plan = resolveBench(options, filesystemStatus(directory));
    const { sizeBytes, largeFileBytes, smallFiles, containers } = plan;
    const fileSystem = filesystemName(directory);
    yield { kind: "load", load: { sizeBytes, largeFileBytes, smallFiles, containers, fileSystem } };
    await warmUp(path, { directory, signal });
    const diffId = await digestOfSample(plan);
    yield* reportSteps("native", measureNative(path, { plan, directory, signal }));
    for (const driver of storageDriverNames) {
      signal?.throwIfAborted();
      const storage = await this.#openOrRefusal(path, driver);
      if (typeof storage === "string") {
        yield { kind: "unsupported", driver, reason: storage };
        continue;
      }
      await using _ = storage;
      yield* reportSteps(driver, measureDriver(storage, { plan, diffId, directory, signal }));
    }
  }

  async #openOrRefusal(path: string, driver: string): Promise<StorageDriver | string> {
    try {
      return await this.#openStorage(path, driver);
    } catch (thrown) {
      if (kindOf(thrown) === "unsupported") return sentenceOf(thrown);
      throw thrown;
    }
  }

  #makeDirectory(name: string): string {
    const path = join(this.#directory, name);
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (thrown) {
      throw fileFailure("cannot compare the storage drivers", thrown);
    }
    return path;
  }

  async #remove(names: readonly string[]): Promise<void> {
    if (names.length > 0) {
      using directory = openDirectoryPath(this.#directory);
      for (const name of names) await removeTree(directory.fd, name);
    }
    try {
      rmdirSync(this.#directory);
    } catch (thrown) {
      if (!["ENOENT", "ENOTEMPTY"].includes(codeOf(thrown) ?? "")) throw thrown;
    }
  }
}

async function* reportSteps(
  driver: string,
  measuring: AsyncGenerator<StorageBenchStep, StorageBenchFigures, undefined>,
): AsyncGenerator<StorageBenchEvent, void, undefined> {
  try {
    for (;;) {
      const { done, value } = await measuring.next();
      if (done === true) {
        yield { kind: "figures", figures: value };
        return;
      }
      yield { kind: "step", driver, step: value };
    }
  } finally {
    // Its mounts are removed before the directory.
    await measuring[Symbol.asyncDispose]();
  }
}

/** Or what is measured first would pay for what a program does slowly for the first time. */
async function warmUp(
  path: string,
  { directory, signal }: { readonly directory: Fd; readonly signal: AbortSignal | undefined },
): Promise<void> {
  // Flushes earlier writes of other processes, so that no measurement includes them.
  await syncFilesystem(directory);
  // As the drivers do with theirs.
  spreadDirectories(directory);
  const plan = resolveBench({ sizeBytes: 2 * 1024 * 1024, containers: 1 }, filesystemStatus(directory));
  for await (const _ of measureNative(path, { plan, directory, signal }));
}

async function digestOfSample(plan: BenchPlan): Promise<Digest> {
  const digester = new Digester();
  for await (const chunk of sampleLayer(plan)) digester.update(chunk);
  return digester.finish();
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return [];
    throw fileFailure(`cannot look at "${directory}"`, thrown);
  }
}
