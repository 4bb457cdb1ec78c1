import type { CreateDefaults } from "./create-defaults.ts";
import type { LogLevel } from "../base/log.ts";
import type { RegistryOverrides } from "../spec/registry/registry-overrides.ts";

/** The part of a daemon's configuration that a reload (SIGHUP) replaces. */
export interface DaemonConfiguration {
  readonly logLevel: LogLevel;
  /** `name=value`, for `GET /info`. */
  readonly labels: readonly string[];
  readonly createDefaults: CreateDefaults;
  readonly registries: RegistryOverrides;
  /** Names; all of them have to allow a request. */
  readonly authorizationPlugins: readonly string[];
  readonly features: Readonly<Record<string, boolean>>;
  /** For `GET /info`: what is dangerous about the configuration. */
  readonly warnings: readonly string[];
  /** Without effect: a stopping daemon stops no container. */
  readonly shutdownTimeoutSeconds: number;
}

/** Of a daemon without configuration. */
export const usualConfiguration: DaemonConfiguration = {
  logLevel: "info",
  labels: [],
  createDefaults: {},
  registries: {},
  authorizationPlugins: [],
  features: {},
  warnings: [],
  shutdownTimeoutSeconds: 15,
};

/**
 * The attributes of the event `daemon reload`: the settings that are in effect now, under dockerd's names. Pure.
 */
export function reloadAttributes(configuration: DaemonConfiguration): Readonly<Record<string, string>> {
  const { createDefaults: defaults, registries, logLevel, labels, features } = configuration;
  return {
    "authorization-plugins": JSON.stringify(configuration.authorizationPlugins),
    debug: String(logLevel === "debug"),
    "default-ipc-mode": defaults.ipcMode ?? "private",
    "default-shm-size": String(defaults.shmBytes ?? 64 * 1024 * 1024),
    "default-runtime": "tare",
    features: JSON.stringify(features),
    "insecure-registries": JSON.stringify(registries.insecure ?? []),
    labels: JSON.stringify(labels),
    "live-restore": "true",
    "max-concurrent-downloads": String(registries.downloadsAtOnce ?? 3),
    "max-concurrent-uploads": String(registries.uploadsAtOnce ?? 5),
    "registry-mirrors": JSON.stringify(registries.mirrors ?? []),
    "shutdown-timeout": String(configuration.shutdownTimeoutSeconds),
  };
}
