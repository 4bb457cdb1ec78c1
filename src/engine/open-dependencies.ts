import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { log } from "../base/log.ts";
import { openContentStore } from "../image/content-store.ts";
import type { RegistriesOptions } from "../image/registries.ts";
import { LazyRegistries } from "./images/lazy-registries.ts";
import { readDescriptorBudget } from "../linux/process/descriptor-budget.ts";
import { type CgroupParent, openCgroupParent } from "../linux/cgroup/parent.ts";
import { execInContainer } from "../runtime/exec.ts";
import { type KeeperProgram, openKeeperProgram } from "../runtime/keeper-program.ts";
import { reconnect } from "../runtime/reconnect.ts";
import { startContainer } from "../runtime/start.ts";
import { uncoverRoot } from "../runtime/uncover-root.ts";
import { UserNamespaces } from "../runtime/user-namespaces.ts";
import { KeeperMountHelper } from "../runtime/mount-helper.ts";
import { openChosenStorage } from "../storage/choose-driver.ts";
import type { DriverOptions } from "../storage/driver.ts";
import { openStorage } from "../storage/drivers.ts";
import { openNameServer } from "../network/name-server.ts";
import { openNetworkPart } from "./host/network-part.ts";
import { EngineCgroups } from "./host/cgroups.ts";
import { describeHost } from "./host/host.ts";
import { Prewarming } from "./prewarm/prewarming.ts";
import type { EngineSettings } from "../model/engine-settings.ts";
import type { EngineDependencies, RuntimePart } from "./dependencies.ts";
import { requireEmpty } from "./state/damage.ts";
import { requireKnownSchema } from "./state/database.ts";
import { lockRoot } from "./state/locked-root.ts";

export interface DependencyOptions {
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly settings: EngineSettings;
  /** File of the keeper program. */
  readonly keeperProgram: string;
  /** How registries are reached. */
  readonly registries?: RegistriesOptions | undefined;
  /** File of the embedded image's program. */
  readonly helloProgram?: string | undefined;
}

/** Locks the roots and opens everything that an engine stands on, or nothing. The caller disposes of it. */
export async function openDependencies(options: DependencyOptions): Promise<EngineDependencies> {
  const { dataRoot, runRoot, settings, keeperProgram, helloProgram } = options;
  const { storageDriver, storageOptions, publishPolicy, prewarm } = settings;
  await using opened = new AsyncDisposableStack();
  opened.use(await lockRoot(dataRoot, "data root"));
  // Before the storage driver and the content store change anything.
  if (!existsSync(join(dataRoot, "state.db"))) requireEmpty(dataRoot);
  requireKnownSchema(join(dataRoot, "state.db"));
  // Before anything in it is touched: prewarmed keepers and containers of another engine may be there.
  opened.use(await lockRoot(runRoot, "run root"));
  const program = opened.use(openKeeperProgram(keeperProgram, { directory: join(runRoot, "lib") }));
  const mountHelper = new KeeperMountHelper(program, runRoot);
  const prewarming = opened.use(new Prewarming({ program, runRoot, isEnabled: prewarm }));
  const openDirectories: DriverOptions["openDirectories"] = (parent, furnish) =>
    prewarming.openDirectories(parent, furnish);
  const { storage, ...storageChoice } = await openChosenStorage(dataRoot, {
    driver: storageDriver,
    mountHelper,
    openDirectories,
    storageOptions,
  });
  opened.use(storage);
  const content = await openContentStore(dataRoot);
  const registries = new LazyRegistries(options.registries);
  opened.defer(() => registries.close());
  const parent = openCgroupParent(cgroupNameOf(dataRoot));
  opened.defer(async () => {
    // Stays while containers, and so keepers, run.
    await parent
      .open("keepers")
      .remove({ timeoutMs: 20 })
      .catch(() => undefined);
    parent.removeEmpty();
  });
  const cgroups = opened.use(new EngineCgroups(parent));
  const namespaces = opened.use(new UserNamespaces(program, runRoot));
  const networks = opened.use(
    openNetworkPart(dataRoot, {
      policy: publishPolicy,
      onNote: (note) => log("warning", note),
    }),
  );
  const descriptors = readDescriptorBudget();
  const names = opened.use(openNameServer(descriptors.names));
  const held = opened.move();
  return {
    dataRoot,
    runRoot,
    settings,
    storage,
    storageChoice,
    openStorage: (directory, driver) => openStorage(directory, { driver, mountHelper, openDirectories }),
    content,
    openRegistries: () => registries.open(),
    cgroups,
    runtime: runtimePart(program, { runRoot, parent, cgroups, namespaces, prewarming }),
    prewarming,
    networks,
    names,
    descriptors,
    host: describeHost(),
    helloProgram,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Engines with different data roots don't meet. */
function cgroupNameOf(dataRoot: string): string {
  const hash = createHash("sha256").update(realpathSync(dataRoot)).digest("hex");
  return `tare-${hash.slice(0, 8)}`;
}

function runtimePart(
  program: KeeperProgram,
  {
    runRoot,
    parent,
    cgroups,
    namespaces,
    prewarming,
  }: {
    readonly runRoot: string;
    readonly parent: CgroupParent;
    readonly cgroups: EngineCgroups;
    readonly namespaces: UserNamespaces;
    readonly prewarming: Prewarming;
  },
): RuntimePart {
  return {
    start: async ({ cgroupName, ...options }) => {
      using keepers = parent.openKeeperJoin();
      using prewarmedKeeper = prewarming.takeKeeper();
      return await startContainer(program, {
        ...options,
        prewarmedKeeper,
        cgroup: cgroupName === undefined ? undefined : cgroups.open(cgroupName),
        cgroupLayout: parent.layout,
        openUserNamespace: (maps) => namespaces.open(maps),
        keeperCgroupFds: keepers.writeZeroFds,
      });
    },
    exec: async ({ cgroupName, ...options }) => {
      using keepers = parent.openKeeperJoin();
      using prewarmedKeeper = prewarming.takeKeeper();
      using _ = prewarming.hold();
      return await execInContainer(program, {
        ...options,
        prewarmedKeeper,
        cgroup: cgroupName === undefined ? undefined : cgroups.open(cgroupName),
        keeperCgroupFds: keepers.writeZeroFds,
      });
    },
    openUserNamespace: (maps) => namespaces.open(maps),
    uncoverRoot: (covered) => uncoverRoot(program, runRoot, covered),
    reconnect,
  };
}
