import { sentenceOf } from "./failure.ts";

export type LogLevel = "debug" | "info" | "warning" | "error";

export type LogFormat = "text" | "json";

const levels: readonly LogLevel[] = ["debug", "info", "warning", "error"];

let leastLevel: LogLevel = "info";
let format: LogFormat = "text";

/** What `log` writes from now on: lines of at least this level, in this format. */
export function configureLog(options: {
  readonly level?: LogLevel | undefined;
  readonly format?: LogFormat | undefined;
}): void {
  leastLevel = options.level ?? leastLevel;
  format = options.format ?? format;
}

/** Writes to standard error, which is the daemon's log. Every line of `message` has a time and the level. */
export function log(level: LogLevel, message: string): void {
  if (levels.indexOf(level) < levels.indexOf(leastLevel)) return;
  console.error(format === "json" ? formatJsonLog(level, message) : formatLog(level, message));
}

/** One JSON object in one line, with the members of dockerd's JSON log. */
export function formatJsonLog(level: LogLevel, message: string): string {
  return JSON.stringify({ level, msg: message.trimEnd(), time: new Date().toISOString() });
}

/** The lines that `log` writes. */
export function formatLog(level: LogLevel, message: string): string {
  const head = `${new Date().toISOString()} ${level}`;
  return message
    .trimEnd()
    .split("\n")
    .map((line) => `${head} ${line}`)
    .join("\n");
}

/** The messages alone, of lines that `log` has written; other lines stay as they are. */
export function stripLogHeads(text: string): string {
  return text.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:debug|info|warning|error) /gm, "");
}

/** The messages of the lines of level "error"; all of the text where it has no such line. */
export function selectErrors(text: string): string {
  const lines = text.split("\n").map(fromJson);
  const errors = lines.filter((line) => /^\S+Z error /.test(line));
  return stripLogHeads((errors.length > 0 ? errors : lines).join("\n"));
}

/** A line of the JSON format as the text format has it. */
function fromJson(line: string): string {
  const [, level, message, time] = /^\{"level":"(\w+)","msg":(".*"),"time":"([^"]+)"\}$/.exec(line) ?? [];
  if (level === undefined || message === undefined) return line;
  return `${time} ${level} ${String(JSON.parse(message))}`;
}

/** The words that begin the log entry of an exception that no code caught. Tests look for them. */
export const uncaughtException = "uncaught exception";

/**
 * Logs exceptions that no code caught and promises whose rejection no code handles; the process goes on. `onUncaught`
 * is called after each.
 */
export function logUncaughtExceptions(onUncaught: () => void = () => {}): void {
  const write = (thrown: unknown): void => {
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    log("error", `${uncaughtException}: ${sentenceOf(thrown)}${stack === undefined ? "" : `\n${stack}`}`);
    onUncaught();
  };
  process.on("uncaughtException", write);
  process.on("unhandledRejection", write);
}
