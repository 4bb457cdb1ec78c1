import { defined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type { ContainerStorage } from "../../model/container-spec.ts";
import type { LogConfig } from "../types/host-config.ts";

/**
 * Docker's options of these drivers. Options that affect only Docker's own files (compression, attributes, a buffer)
 * are accepted and ignored: the log of Tare is binary, and its writer never blocks on a reader.
 */
const driverOptions: Readonly<Record<string, ReadonlySet<string>>> = {
  "json-file": new Set("max-size max-file compress labels labels-regex env env-regex tag".split(" ")),
  local: new Set("max-size max-file compress".split(" ")),
};
const commonOptions: ReadonlySet<string> = new Set(["mode", "max-buffer-size"]);

/** Whether it is a driver that our own log stands for. */
export function isKnownLogDriver(type: string | undefined): boolean {
  return type === undefined || type === "" || type === "none" || Object.hasOwn(driverOptions, type);
}

/** `HostConfig.LogConfig` with a known driver; undefined: nothing is asked for. Throws "invalid" in Docker's words. */
export function parseLog({ Type, Config }: LogConfig): ContainerStorage["log"] {
  const driver = Type || "json-file";
  if (driver === "none") return "none";
  const options = new Map(Object.entries(Config ?? {}));
  checkNames(driver, options);
  checkMode(options);
  const maxSize = options.get("max-size");
  const maxFile = options.get("max-file");
  const fileBytes = maxSize === undefined ? undefined : parseSize(maxSize);
  const files = maxFile === undefined ? undefined : parseFiles(maxFile);
  if (parseBoolean(options.get("compress")) && driver === "json-file" && !((files ?? 1) > 1 && fileBytes)) {
    throw refused("compress cannot be true when max-file is less than 2 or max-size is not set");
  }
  if (fileBytes === undefined && files === undefined) return undefined;
  return {
    fileBytes,
    files,
  };
}

/** The reverse; undefined for the default. */
export function formatLog(log: ContainerStorage["log"]): LogConfig | undefined {
  if (log === undefined) return undefined;
  if (log === "none") return { Type: "none", Config: {} };
  const { fileBytes, files } = log;
  return {
    Type: "json-file",
    Config: defined({
      "max-size": fileBytes === undefined ? undefined : String(fileBytes),
      "max-file": files === undefined ? undefined : String(files),
    }),
  };
}

function checkNames(driver: string, options: ReadonlyMap<string, string>): void {
  for (const name of options.keys()) {
    if (commonOptions.has(name) || driverOptions[driver]?.has(name) === true) continue;
    const word = JSON.stringify(name.slice(0, 100)).slice(1, -1);
    throw refused(
      driver === "local"
        ? `unknown log opt '${word}' for log driver local`
        : `unknown log opt '${word}' for ${driver} log driver`,
    );
  }
}

function checkMode(options: ReadonlyMap<string, string>): void {
  const mode = options.get("mode") ?? "";
  if (!["", "blocking", "non-blocking"].includes(mode)) {
    throw refused(`logger: logging mode not supported: ${quoted(mode)}`);
  }
  const buffer = options.get("max-buffer-size");
  if (buffer === undefined) return;
  if (mode !== "non-blocking") {
    throw refused("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  parseSize(buffer);
}

const factors: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };

/** `10m`, `1.5 GB`: decimal units, as Docker takes them here. */
function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:b|ib)?$/i.exec(text);
  if (match === null) throw refused(`invalid size: '${quoted(text)}'`);
  const bytes = Math.trunc(Number(match[1]) * (factors[(match[2] ?? "").toLowerCase()] ?? 1));
  if (bytes <= 0) throw refused("max-size must be a positive number");
  return Math.min(bytes, Number.MAX_SAFE_INTEGER);
}

function parseFiles(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) throw refused(`invalid max-file: '${quoted(text)}' is not a number`);
  const files = Number(text);
  if (files < 1) throw refused("max-file cannot be less than 1");
  return files;
}

/** SPEC: Go's strconv.ParseBool. */
function parseBoolean(text: string | undefined): boolean {
  if (text === undefined) return false;
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw refused(`invalid compress: '${quoted(text)}' is not a boolean`);
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100)).slice(1, -1);
}

function refused(reason: string): Failure {
  return new Failure("invalid", `failed to initialize logging driver: ${reason}`);
}
