import { parseBridgeGsoMaxSize } from "../spec/gso-max-size.ts";
import { Failure } from "../base/failure.ts";
import { type LocalEngine, startEngine } from "../engine/local-engine.ts";
import { openDependencies } from "../engine/open-dependencies.ts";
import { registryOptionsOf } from "./registry-settings.ts";
import type { Engine } from "../model/engine.ts";
import type { EngineMeter } from "../model/engine-meter.ts";
import { findNativeFile } from "../linux/kernel/native-file.ts";
import type { RegistryOverrides } from "../spec/registry/registry-overrides.ts";
import type { EngineSettings } from "../model/engine-settings.ts";

/** Settings of an engine in this process. */
export interface OpenOptions extends EngineSettings {
  /** Images, containers, state. Default `/var/lib/tare`. One engine at a time. */
  readonly dataRoot?: string | undefined;
  /** The directory of runtime state, which need not survive a reboot. Default `/run/tare`. One engine at a time. */
  readonly runRoot?: string | undefined;
  /** Mirrors, insecure and blocked registries. Default `/etc/tare/registries.conf`, which may be absent. */
  readonly registriesFile?: string | undefined;
  /** Registries in addition to the file's, and proxies in place of the environment's. Asked before each use. */
  readonly registryOverrides?: (() => RegistryOverrides) | undefined;
  /** File of the keeper program; by default the one that was built with this library. */
  readonly keeperProgram?: string | undefined;
  /** File of the embedded image's program; by default the one that was built with this library. */
  readonly helloProgram?: string | undefined;
}

/**
 * An engine in this process: no daemon. The caller disposes of it; its containers go on, and the next engine on the
 * same roots finds them. Throws "conflict" naming the holder when one of the roots is in use, "not-permitted" without
 * root.
 */
export async function openEngine(options: OpenOptions = {}): Promise<Engine> {
  return await openLocalEngine(options);
}

/** As openEngine(), with what only the daemon needs. */
export async function openLocalEngine({
  meter,
  ...options
}: OpenOptions & {
  /** Absent: nothing is measured. */
  readonly meter?: EngineMeter | undefined;
}): Promise<LocalEngine> {
  if (process.getuid?.() !== 0) {
    throw new Failure("not-permitted", "cannot open the engine: it needs root");
  }
  const {
    dataRoot = "/var/lib/tare",
    runRoot = "/run/tare",
    registriesFile = "/etc/tare/registries.conf",
    registryOverrides,
    keeperProgram = findNativeFile("keeper.elf"),
    helloProgram = findNativeFile("hello.elf"),
    ...settings
  } = options;
  const { bridgeGsoMaxSize } = settings;
  const dependencies = await openDependencies({
    dataRoot,
    runRoot,
    settings: {
      ...settings,
      prewarm: settings.prewarm ?? process.env["TARE_PREWARM"] !== "0",
      bridgeGsoMaxSize:
        bridgeGsoMaxSize === undefined
          ? undefined
          : parseBridgeGsoMaxSize(String(bridgeGsoMaxSize), "bridgeGsoMaxSize"),
    },
    registries: registryOptionsOf({
      configFile: registriesFile,
      certificateDirectories: ["/etc/tare/certs.d", "/etc/docker/certs.d"],
      env: process.env,
      overrides: registryOverrides,
    }),
    keeperProgram,
    helloProgram,
  });
  try {
    return await startEngine(dependencies, { meter });
  } catch (thrown) {
    await dependencies[Symbol.asyncDispose]();
    throw thrown;
  }
}
