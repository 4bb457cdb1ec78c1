import type { OwnedFd } from "../../linux/kernel/fd.ts";
import {
  HostNetworkSettings,
  type PrewarmedNetworkNamespace,
} from "../../linux/namespaces/host-network-settings.ts";
import type { KeeperProgram } from "../../runtime/keeper-program.ts";
import type { PrewarmedKeeper } from "../../runtime/prewarmed-keeper.ts";
import type { PrewarmedDirectories } from "../../storage/driver.ts";
import { DirectoryPool } from "./directories.ts";
import { openKeeperPool } from "./keepers.ts";
import { Pool } from "./pool.ts";
import { PrewarmScheduler } from "./scheduler.ts";

export interface PrewarmingOptions {
  readonly program: KeeperProgram;
  readonly runRoot: string;
  /** With false, nothing is prewarmed: no pool ever has an entry, and each caller creates its own. Default true. */
  readonly isEnabled?: boolean | undefined;
}

/** The keepers, network namespaces and directories that an engine creates before a container needs them. */
export class Prewarming implements AsyncDisposable {
  readonly #scheduler: PrewarmScheduler;
  readonly #keepers: Pool<PrewarmedKeeper>;
  readonly #networks: Pool<PrewarmedNetworkNamespace>;
  /** Monitored as soon as the first network namespace exists. */
  #settings: HostNetworkSettings | undefined;

  constructor({ program, runRoot, isEnabled = true }: PrewarmingOptions) {
    this.#scheduler = new PrewarmScheduler({ isEnabled });
    this.#keepers = openKeeperPool(this.#scheduler, { program, runRoot });
    this.#networks = new Pool(this.#scheduler, async () => {
      this.#settings ??= new HostNetworkSettings();
      return this.#settings.createNamespace();
    });
  }

  /** The caller disposes of it. */
  takeKeeper(): PrewarmedKeeper | undefined {
    return this.#keepers.take();
  }

  /** No process is in it; the caller disposes of it. */
  takeNetwork(): OwnedFd | undefined {
    return this.#networks.take();
  }

  /** See DirectoryPool; the caller disposes of it. */
  openDirectories(parent: string, furnish: (path: string) => void): PrewarmedDirectories {
    return new DirectoryPool(this.#scheduler, { parent, furnish });
  }

  /** Creates nothing as long as an operation holds this. */
  hold(): Disposable {
    return this.#scheduler.hold();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scheduler[Symbol.asyncDispose]();
    this.#settings?.[Symbol.dispose]();
  }
}
