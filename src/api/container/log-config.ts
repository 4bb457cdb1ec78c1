import { defined } from "../../base/defined.ts";
import { defaultLogDriver } from "../../spec/log-driver/log-drivers.ts";
import { effectiveOptions, parseLogOptions } from "../../spec/log-driver/log-options.ts";
import type { ContainerStorage } from "../../model/container-spec.ts";
import type { LogConfig } from "../types/host-config.ts";

/** `HostConfig.LogConfig`; undefined: nothing is asked for. Throws "invalid" in dockerd's words. */
export function parseLog({ Type, Config }: LogConfig): ContainerStorage["log"] {
  const driver = Type || defaultLogDriver;
  const options = new Map(Object.entries(Config ?? {}));
  const limits = parseLogOptions(driver, options);
  if (driver === "none") return "none";
  const kept = effectiveOptions(driver, options);
  const settings = defined({
    ...limits,
    driver: driver === defaultLogDriver || driver === "local" ? undefined : driver,
    options: Object.keys(kept).length === 0 ? undefined : kept,
  });
  return Object.keys(settings).length === 0 ? undefined : settings;
}

/** The reverse; undefined for the default. */
export function formatLog(log: ContainerStorage["log"]): LogConfig | undefined {
  if (log === undefined) return undefined;
  if (log === "none") return { Type: "none", Config: {} };
  const { fileBytes, files, driver = defaultLogDriver, options } = log;
  const prefix = driver === defaultLogDriver ? "" : "cache-";
  return {
    Type: driver,
    Config: {
      ...options,
      ...(fileBytes === undefined ? {} : { [`${prefix}max-size`]: String(fileBytes) }),
      ...(files === undefined ? {} : { [`${prefix}max-file`]: String(files) }),
    },
  };
}
