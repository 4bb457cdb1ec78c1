import { Failure } from "../../../base/failure.ts";
import type { ContainerId } from "../../../model/ids.ts";
import type { KeptProcess } from "../../../runtime/types.ts";
import type { ContainerRecord } from "../../state/records.ts";

/** What runs the checks. */
interface Monitor extends Disposable {
  watch(record: ContainerRecord, kept: KeptProcess): void;
  stop(id: ContainerId): void;
  run(id: ContainerId): Promise<void>;
}

/** The health checks of all running containers. The code is loaded for the first container that has one. */
export class HealthChecks implements AsyncDisposable {
  readonly #load: () => Promise<Monitor>;
  #loading: Promise<Monitor> | undefined;

  constructor(load: () => Promise<Monitor>) {
    this.#load = load;
  }

  /** Checks a running container from now on, unless it has no health check. Its lock may be held. */
  watch(record: ContainerRecord, kept: KeptProcess): void {
    if (record.health === undefined) return;
    this.#loading ??= this.#load();
    void this.#loading.then((monitor) => monitor.watch(record, kept));
  }

  /** Checks a container now, besides its schedule, and records the result. Throws "conflict" when it is not checked. */
  async run(id: ContainerId): Promise<void> {
    const monitor = await this.#loading;
    if (monitor === undefined)
      throw new Failure("conflict", "cannot check the health: the container is not running");
    await monitor.run(id);
  }

  /** Ends the checks of a container, and kills the one that runs. Idempotent. */
  async stop(id: ContainerId): Promise<void> {
    (await this.#loading)?.stop(id);
  }

  /** Ends all checks, and records results that are in memory only. */
  async [Symbol.asyncDispose](): Promise<void> {
    (await this.#loading)?.[Symbol.dispose]();
  }
}
