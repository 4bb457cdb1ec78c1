import { parseByteSize } from "../../base/byte-size.ts";
import { isOneOf } from "../../base/keys.ts";
import type { ForwardingDriver } from "./log-drivers.ts";
import {
  booleanOption,
  countOption,
  durationOption,
  type LogOptions,
  quoted,
  refusedOption,
} from "./option-values.ts";
import {
  formatReceiverAddress,
  parseFluentdAddress,
  parseGelfAddress,
  parseSyslogAddress,
  type ReceiverAddress,
} from "./receiver-address.ts";

const syslogFormats = ["", "rfc3164", "rfc5424", "rfc5424micro"] as const;
/** "": the format of the C library, without a host name. */
export type SyslogFormat = (typeof syslogFormats)[number];

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** The receiver's certificate is not checked. */
  readonly skipsVerification: boolean;
}

/** How failed connections are repeated; absent members: the forwarder's defaults. */
interface Retries {
  readonly retryWaitMs?: number | undefined;
  /** After so many failures in a row, what waits is dropped. Absent: never. */
  readonly mostRetries?: number | undefined;
}

export interface SyslogReceiver {
  readonly driver: "syslog";
  /** Absent: the syslog socket of the host. */
  readonly address?: ReceiverAddress | undefined;
  /** 0–23. */
  readonly facility: number;
  readonly format: SyslogFormat;
  readonly tls: TlsFiles;
}

export interface FluentdReceiver extends Retries {
  readonly driver: "fluentd";
  readonly address: ReceiverAddress;
  readonly requestsAck: boolean;
  readonly hasSubSeconds: boolean;
  readonly writeTimeoutMs?: number | undefined;
}

export interface GelfReceiver extends Retries {
  readonly driver: "gelf";
  readonly address: Extract<ReceiverAddress, { host: string }>;
  /** Of datagrams. */
  readonly compression: "gzip" | "zlib" | "none";
  /** −1 (default of zlib) to 9. */
  readonly level: number;
}

export interface JournaldReceiver {
  readonly driver: "journald";
}

/** A file in the format of Kubernetes' CRI. No log driver of Docker's stands for it. */
export interface CriFileReceiver {
  readonly driver: "cri";
  readonly path: string;
}

export type LogReceiver =
  | CriFileReceiver
  | SyslogReceiver
  | FluentdReceiver
  | GelfReceiver
  | JournaldReceiver;

/** Where it is, as the options write it; "" for the host's own journal or syslog. */
export function formatReceiver(receiver: LogReceiver): string {
  return "address" in receiver && receiver.address !== undefined
    ? formatReceiverAddress(receiver.address)
    : "";
}

const facilities = [
  "kern",
  "user",
  "mail",
  "daemon",
  "auth",
  "syslog",
  "lpr",
  "news",
  "uucp",
  "cron",
  "authpriv",
  "ftp",
] as const;
const firstLocalFacility = 16;

/** The receiver that the options of the driver describe. Throws "invalid" in dockerd's words. */
export function parseLogReceiver(driver: ForwardingDriver, options: LogOptions): LogReceiver {
  switch (driver) {
    case "syslog":
      return parseSyslog(options);
    case "fluentd":
      return parseFluentd(options);
    case "gelf":
      return parseGelf(options);
    case "journald":
      return { driver };
    default:
      return driver satisfies never;
  }
}

function parseSyslog(options: LogOptions): SyslogReceiver {
  const format = options.get("syslog-format") ?? "";
  if (!isOneOf(syslogFormats, format)) throw refusedOption("Invalid syslog format");
  return {
    driver: "syslog",
    address: parseSyslogAddress(options.get("syslog-address") ?? ""),
    facility: parseFacility(options.get("syslog-facility") ?? ""),
    format,
    tls: {
      ca: options.get("syslog-tls-ca-cert") || undefined,
      certificate: options.get("syslog-tls-cert") || undefined,
      key: options.get("syslog-tls-key") || undefined,
      // SPEC: dockerd looks only at whether the option is there.
      skipsVerification: options.has("syslog-tls-skip-verify"),
    },
  };
}

function parseFacility(text: string): number {
  if (text === "") return facilities.indexOf("daemon");
  const known: readonly string[] = facilities;
  const index = known.indexOf(text);
  if (index >= 0) return index;
  const local = /^local([0-7])$/.exec(text)?.[1];
  if (local !== undefined) return firstLocalFacility + Number(local);
  if (/^\+?\d{1,2}$/.test(text) && Number(text) <= 23) return Number(text);
  throw refusedOption("invalid syslog facility");
}

function parseFluentd(options: LogOptions): FluentdReceiver {
  const address = parseFluentdAddress(options.get("fluentd-address") ?? "");
  const limit = options.get("fluentd-buffer-limit") ?? "";
  if (limit !== "") {
    try {
      parseByteSize(limit);
    } catch {
      throw refusedOption(`invalid value for fluentd-buffer-limit: invalid size: '${quoted(limit)}'`);
    }
  }
  if (options.get("fluentd-async") && options.get("fluentd-async-connect"))
    throw refusedOption(
      "conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect'",
    );
  booleanOption(options, "fluentd-async");
  booleanOption(options, "fluentd-async-connect");
  const interval = durationOption(options, "fluentd-async-reconnect-interval") ?? 0;
  if (interval !== 0 && (interval < 100 || interval > 10_000))
    throw refusedOption(
      `invalid value for fluentd-async-reconnect-interval: value (${interval}ms) must be between 100ms and 10s`,
    );
  return {
    driver: "fluentd",
    address,
    requestsAck: booleanOption(options, "fluentd-request-ack"),
    hasSubSeconds: booleanOption(options, "fluentd-sub-second-precision"),
    retryWaitMs: durationOption(options, "fluentd-retry-wait"),
    mostRetries: countOption(options, "fluentd-max-retries"),
    writeTimeoutMs: durationOption(options, "fluentd-write-timeout") || undefined,
  };
}

function parseGelf(options: LogOptions): GelfReceiver {
  const address = parseGelfAddress(options.get("gelf-address") ?? "");
  return {
    driver: "gelf",
    address,
    ...parseCompression(options, address.transport),
    ...parseReconnects(options, address.transport),
  };
}

function parseCompression(
  options: LogOptions,
  transport: string,
): Pick<GelfReceiver, "compression" | "level"> {
  const names = ["gelf-compression-level", "gelf-compression-type"];
  if (transport !== "udp" && names.some((name) => options.has(name)))
    throw refusedOption("compression is only supported on UDP");
  const unknown = (name: string, value: string) =>
    refusedOption(`unknown value "${quoted(value)}" for log opt "${name}" for gelf log driver`);
  const level = options.get("gelf-compression-level") ?? "1";
  if (!/^(?:-1|\+?\d)$/.test(level)) throw unknown("gelf-compression-level", level);
  const compression = options.get("gelf-compression-type") ?? "gzip";
  if (!isOneOf(["gzip", "zlib", "none"] as const, compression))
    throw unknown("gelf-compression-type", compression);
  return { compression, level: Number(level) };
}

function parseReconnects(options: LogOptions, transport: string): Retries {
  const read = (name: string): number | undefined => {
    const text = options.get(name);
    if (text === undefined) return undefined;
    if (transport !== "tcp") throw refusedOption(`"${name}" is only valid for TCP`);
    if (!/^\+?\d{1,9}$/.test(text)) throw refusedOption(`"${name}" must be a positive integer`);
    return Number(text);
  };
  const delaySeconds = read("gelf-tcp-reconnect-delay");
  return {
    mostRetries: read("gelf-tcp-max-reconnect"),
    retryWaitMs: delaySeconds === undefined ? undefined : delaySeconds * 1000,
  };
}
