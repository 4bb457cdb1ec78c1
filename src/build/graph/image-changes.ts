import { formatDuration } from "../../base/duration.ts";
import { Failure } from "../../base/failure.ts";
import type { ImageConfig, ImageDefaults, ImageHistoryEntry } from "../../spec/image/config.ts";
import { noDefaults } from "../../spec/image/config.ts";
import type { Platform } from "../../spec/platform.ts";
import type { CommandLine, HealthcheckInstruction } from "../dockerfile/dockerfile-types.ts";

/** The variable that programs need, where an image has none. SPEC: BuildKit, DefaultPathEnvUnix */
export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const defaultShell: readonly string[] = ["/bin/sh", "-c"];
const comment = "buildkit.dockerfile.v0";

/** The configuration that a build is working on; its layers are those of the vertex. */
export interface DraftConfig {
  readonly platform: Platform;
  readonly author?: string | undefined;
  readonly defaults: ImageDefaults;
  readonly history: readonly ImageHistoryEntry[];
}

export function draftOf(config: ImageConfig): DraftConfig {
  const { platform, author, defaults, history } = config;
  const hasPath = defaults.env.some((entry) => entry.startsWith("PATH="));
  return {
    platform,
    author,
    defaults: hasPath ? defaults : { ...defaults, env: [...defaults.env, `PATH=${defaultPath}`] },
    history,
  };
}

/** Of `FROM scratch`. */
export function emptyDraft(platform: Platform): DraftConfig {
  return {
    platform,
    defaults: { ...noDefaults, env: [`PATH=${defaultPath}`], workingDirectory: "/" },
    history: [],
  };
}

export function withDefaults(draft: DraftConfig, changed: Partial<ImageDefaults>): DraftConfig {
  return { ...draft, defaults: { ...draft.defaults, ...changed } };
}

/** As `docker history` shows it; when it was made is known when it is built, see finishConfig(). */
export function withHistory(
  draft: DraftConfig,
  entry: { readonly createdBy: string; readonly emptyLayer: boolean },
): DraftConfig {
  return { ...draft, history: [...draft.history, { ...entry, author: draft.author, comment }] };
}

/** The variables with one set, in the place of an earlier value. */
export function withVariable(env: readonly string[], name: string, value: string): readonly string[] {
  const at = env.findIndex((entry) => entry.startsWith(`${name}=`));
  const entry = `${name}=${value}`;
  return at < 0 ? [...env, entry] : env.with(at, entry);
}

/** The words that execute a command line: a text for the shell follows the shell's own words. */
export function wordsOf(command: CommandLine, shell: readonly string[] | undefined): readonly string[] {
  return command.form === "exec" ? command.words : [...(shell ?? defaultShell), command.line];
}

/** SPEC: Docker image spec v1.2, Healthcheck. Times of 0 are left to the engine. */
export function healthcheckOf({
  command,
  interval,
  timeout,
  startPeriod,
  startInterval,
  retries,
}: HealthcheckInstruction): NonNullable<ImageDefaults["healthcheck"]> {
  if (command === undefined) return { test: ["NONE"] };
  const test = command.form === "exec" ? ["CMD", ...command.words] : ["CMD-SHELL", command.line];
  const ns = (ms: number): number | undefined => (ms === 0 ? undefined : Math.round(ms * 1e6));
  return {
    test,
    intervalNs: ns(interval),
    timeoutNs: ns(timeout),
    startPeriodNs: ns(startPeriod),
    startIntervalNs: ns(startInterval),
    retries: retries === 0 ? undefined : retries,
  };
}

/** SPEC: Go's `%q` of BuildKit's record: `&{["CMD-SHELL" "true"] "5s" "0s" "0s" "0s" '\x03'}`, with durations. */
export function quoteHealthcheck(instruction: HealthcheckInstruction): string {
  const { interval, timeout, startPeriod, startInterval, retries } = instruction;
  const times = [interval, timeout, startPeriod, startInterval].map((ms) => `"${formatDuration(ms)}"`);
  const { test } = healthcheckOf(instruction);
  return `HEALTHCHECK &{${quoteList(test)} ${times.join(" ")} ${quoteRune(retries)}}`;
}

const namedRunes: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  39: "\\'",
  92: "\\\\",
};

function quoteRune(code: number): string {
  const named = namedRunes[code];
  if (named !== undefined) return `'${named}'`;
  return code < 32 || code === 127
    ? `'\\x${code.toString(16).padStart(2, "0")}'`
    : `'${String.fromCodePoint(code)}'`;
}

/** `CMD ["a" "b"]`: Go's `%q` of a list, as history entries have it. */
export function quoteList(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(" ")}]`;
}

/** Joins a path of WORKDIR or COPY with the working directory. */
export function absolutePath(path: string, workingDirectory: string): string {
  const joined = path.startsWith("/") ? path : `${workingDirectory || "/"}/${path}`;
  const parts: string[] = [];
  for (const part of joined.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** SPEC: Dockerfile reference, STOPSIGNAL: a name or a number. */
export function checkSignal(signal: string): string {
  if (/^(?:SIG)?[A-Z0-9+-]{1,20}$/i.test(signal) && !/^[+-]/.test(signal)) return signal;
  throw new Failure("invalid", `invalid signal: ${signal.slice(0, 50)}`);
}
