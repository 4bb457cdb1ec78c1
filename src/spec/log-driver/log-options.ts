import { parseByteSize } from "../../base/byte-size.ts";
import { Failure } from "../../base/failure.ts";
import {
  attributeOptions,
  commonOptions,
  driverOptions,
  isForwardingDriver,
  isLogDriver,
} from "./log-drivers.ts";
import { checkLogPatterns } from "./log-attributes.ts";
import { parseLogReceiver } from "./log-receiver.ts";
import { findBoolean, type LogOptions, quoted, refusedOption } from "./option-values.ts";

/** The size of a log file and their number, where options set them. */
export interface LogFileLimits {
  readonly fileBytes?: number | undefined;
  readonly files?: number | undefined;
}

/**
 * Checks driver and options as dockerd does, and returns the limits of the log's files. Throws "invalid" in dockerd's
 * words.
 */
export function parseLogOptions(driver: string, options: LogOptions): LogFileLimits {
  if (driver === "none") return {};
  checkMode(options);
  const cacheDisabled = options.get("cache-disabled") ?? "";
  if (cacheDisabled !== "" && findBoolean(cacheDisabled) === undefined)
    throw refusedOption(`invalid value for option cache-disabled: ${quoted(cacheDisabled)}`);
  if (!isLogDriver(driver) || driver === "none")
    throw refusedOption(`logger: no log driver named '${quoted(driver)}' is registered`);
  checkNames(driver, options);
  checkLogPatterns(options);
  if (!isForwardingDriver(driver)) return parseFileLimits(driver, options, "");
  parseLogReceiver(driver, options);
  return parseFileLimits(driver, options, "cache-");
}

/** Whether the log may be read: dockerd refuses that where its copy of a remote log is turned off. */
export function isLogReadable(
  driver: string | undefined,
  options: Readonly<Record<string, string>>,
): boolean {
  return !(isForwardingDriver(driver) && findBoolean(options["cache-disabled"] ?? "") === true);
}

/** The options that the limits of parseLogOptions() do not contain, and that mean something to the driver. */
export function effectiveOptions(driver: string, options: LogOptions): Readonly<Record<string, string>> {
  const kept: readonly string[] = attributeOptions;
  const isKept = (name: string): boolean =>
    isForwardingDriver(driver) ? name !== "cache-max-size" && name !== "cache-max-file" : kept.includes(name);
  return Object.fromEntries([...options].filter(([name]) => isKept(name)));
}

function checkNames(driver: keyof typeof driverOptions, options: LogOptions): void {
  const common: readonly string[] = commonOptions;
  for (const name of options.keys()) {
    if (common.includes(name) || driverOptions[driver].includes(name)) continue;
    if (driver === "local") throw refusedOption(`unknown log opt '${quoted(name)}' for log driver local`);
    const quote = driver === "gelf" ? '"' : "'";
    throw refusedOption(`unknown log opt ${quote}${quoted(name)}${quote} for ${driver} log driver`);
  }
}

function checkMode(options: LogOptions): void {
  const mode = options.get("mode") ?? "";
  if (!["", "blocking", "non-blocking"].includes(mode))
    throw refusedOption(`logger: logging mode not supported: ${quoted(mode)}`);
  const buffer = options.get("max-buffer-size");
  if (buffer === undefined) return;
  if (mode !== "non-blocking")
    throw refusedOption("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  try {
    parseByteSize(buffer);
  } catch {
    throw refusedOption(`error parsing option max-buffer-size: invalid size: '${quoted(buffer)}'`);
  }
}

function parseFileLimits(driver: string, options: LogOptions, prefix: "" | "cache-"): LogFileLimits {
  const maxSize = options.get(`${prefix}max-size`);
  const maxFile = options.get(`${prefix}max-file`);
  const compress = options.get(`${prefix}compress`);
  const fileBytes = maxSize === undefined ? undefined : parseSize(maxSize);
  const files = maxFile === undefined ? undefined : parseFiles(maxFile);
  const compresses = compress === undefined ? false : findBoolean(compress);
  if (compresses === undefined)
    throw notInitialized(`invalid compress: '${quoted(compress ?? "")}' is not a boolean`);
  if (compresses && driver === "json-file" && !((files ?? 1) > 1 && fileBytes))
    throw notInitialized("compress cannot be true when max-file is less than 2 or max-size is not set");
  return { fileBytes, files };
}

const factors: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };

/** `10m`, `1.5 GB`: decimal units, as Docker takes them here. */
function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:b|ib)?$/i.exec(text);
  if (match === null) throw notInitialized(`invalid size: '${quoted(text)}'`);
  const bytes = Math.trunc(Number(match[1]) * (factors[(match[2] ?? "").toLowerCase()] ?? 1));
  if (bytes <= 0) throw notInitialized("max-size must be a positive number");
  return Math.min(bytes, Number.MAX_SAFE_INTEGER);
}

function parseFiles(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text))
    throw notInitialized(`invalid max-file: '${quoted(text)}' is not a number`);
  const files = Number(text);
  if (files < 1) throw notInitialized("max-file cannot be less than 1");
  return files;
}

/** What dockerd finds only when it starts the container. */
function notInitialized(reason: string): Failure {
  return new Failure("invalid", `failed to initialize logging driver: ${reason}`);
}
