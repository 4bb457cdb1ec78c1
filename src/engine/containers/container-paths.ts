import { join } from "node:path";
import type { ContainerId, ExecId } from "../../model/ids.ts";

/** Names of the run directories of execs, and of those that are health checks. */
export const execPrefix = "exec-";
export const checkPrefix = "exec-check-";

/** Where a container's things are. All directories are 0700. */
export class ContainerPaths {
  readonly #dataRoot: string;
  readonly #runRoot: string;

  constructor({ dataRoot, runRoot }: { readonly dataRoot: string; readonly runRoot: string }) {
    this.#dataRoot = dataRoot;
    this.#runRoot = runRoot;
  }

  get allData(): string {
    return join(this.#dataRoot, "containers");
  }

  /** Where version 0.1.0 kept prewarmed directories. */
  get formerPrewarmedData(): string {
    return join(this.#dataRoot, "spares");
  }

  /** Prewarmed directories of containers' data. */
  get prewarmedData(): string {
    return join(this.#dataRoot, "prewarmed");
  }

  get allRuns(): string {
    return join(this.#runRoot, "containers");
  }

  /** Prewarmed directories of containers' runs. */
  get prewarmedRuns(): string {
    return join(this.#runRoot, "lib", "prewarmed-runs");
  }

  data(id: ContainerId): string {
    return join(this.allData, id);
  }

  log(id: ContainerId): string {
    return join(this.data(id), "log");
  }

  /** How far the log has been sent to a receiver: `settings.json`, `position`. */
  logForwarding(id: ContainerId): string {
    return join(this.data(id), "log-forwarding");
  }

  /** Records of traced system calls: `run`, and one for each exec. */
  callRecords(id: ContainerId): string {
    return join(this.data(id), "watched");
  }

  /** The file that is bound over `/etc/NAME`. */
  file(
    id: ContainerId,
    name: "hosts" | "hostname" | "resolv.conf" | "passwd" | "group" | "ld.so.cache",
  ): string {
    return join(this.data(id), name);
  }

  /** The keeper's socket and the last run's exit record. */
  run(id: ContainerId): string {
    return join(this.allRuns, id);
  }

  exec(id: ContainerId, exec: { readonly id: ExecId; readonly isCheck?: boolean | undefined }): string {
    return join(this.run(id), `${exec.isCheck === true ? checkPrefix : execPrefix}${exec.id}`);
  }
}
