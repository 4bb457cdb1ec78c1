import { isOneOf } from "../../base/keys.ts";

/** Drivers that send a container's log to a receiver. */
export const forwardingDrivers = ["fluentd", "gelf", "journald", "syslog"] as const;
export type ForwardingDriver = (typeof forwardingDrivers)[number];

/** All log drivers, in the order in which `info` lists them. */
export type LogDriver = ForwardingDriver | "json-file" | "local" | "none";
export const logDrivers: readonly LogDriver[] = [...forwardingDrivers, "json-file", "local", "none"];

export const defaultLogDriver: LogDriver = "json-file";

export function isLogDriver(name: string): name is LogDriver {
  return isOneOf(logDrivers, name);
}

export function isForwardingDriver(name: string | undefined): name is ForwardingDriver {
  return isOneOf(forwardingDrivers, name);
}

/** Which labels and variables of the container go into its log. */
export const attributeOptions = ["env", "env-regex", "labels", "labels-regex", "tag"] as const;

/** Options of every driver but `none`. SPEC: dockerd keeps a copy of remote logs, which the `cache-` options are about. */
export const commonOptions = [
  "mode",
  "max-buffer-size",
  "cache-disabled",
  "cache-max-size",
  "cache-max-file",
  "cache-compress",
] as const;

/** The options of each driver, in addition to `commonOptions`. */
export const driverOptions: Readonly<Record<Exclude<LogDriver, "none">, readonly string[]>> = {
  fluentd: [
    ...attributeOptions,
    "fluentd-address",
    "fluentd-async",
    "fluentd-async-connect",
    "fluentd-async-reconnect-interval",
    "fluentd-buffer-limit",
    "fluentd-max-retries",
    "fluentd-request-ack",
    "fluentd-retry-wait",
    "fluentd-sub-second-precision",
    "fluentd-write-timeout",
  ],
  gelf: [
    ...attributeOptions,
    "gelf-address",
    "gelf-compression-level",
    "gelf-compression-type",
    "gelf-tcp-max-reconnect",
    "gelf-tcp-reconnect-delay",
  ],
  journald: attributeOptions,
  syslog: [
    ...attributeOptions,
    "syslog-address",
    "syslog-facility",
    "syslog-format",
    "syslog-tls-ca-cert",
    "syslog-tls-cert",
    "syslog-tls-key",
    "syslog-tls-skip-verify",
  ],
  "json-file": ["max-size", "max-file", "compress", ...attributeOptions],
  local: ["max-size", "max-file", "compress"],
};
