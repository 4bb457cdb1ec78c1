import { formatFailure } from "../api/container/run-messages.ts";
import { quoteControls } from "../base/quote-controls.ts";
import { Failure, type FailureDetails, sentenceOf } from "../base/failure.ts";
import type { Client } from "../client/client.ts";
import type { LeanClient } from "../client/lean-client.ts";
import type { Call, Command, CommandEntry, CommandTree } from "./command.ts";
import type { CliContext, GlobalOptions, OutputStream } from "./context.ts";
import { type FlagTable, flagFailure, laterFailure, silentFailure } from "./flags/flag.ts";
import { type Parsed, parseFlags } from "./flags/parse.ts";
import { mayHaveConfig } from "./may-have-config.ts";
import { findCommand } from "./tree.ts";
import { usualCommands } from "./usual-commands.ts";
import { type GlobalValues, globalFlags, resolveGlobals } from "./global-flags.ts";

/**
 * Runs one command line (without the program's name) and gives its exit status.
 * Never throws and never ends the process; output is written when it returns.
 */
export async function main(argv: readonly string[], context: CliContext): Promise<number> {
  const outputs = new Outputs(context);
  const status = await new CommandLine(outputs.context, outputs.signal).run(argv);
  await outputs.flush();
  return status;
}

/** Our standard output and error: each is opened when something is written to it, which takes its time. */
class Outputs {
  readonly context: CliContext;
  readonly #broken = new AbortController();
  readonly #opened = new Set<OutputStream>();

  constructor(context: CliContext) {
    const open = (name: "stdout" | "stderr"): OutputStream => this.#open(context[name], name);
    this.context = Object.create(context, {
      stdout: { get: () => open("stdout") },
      stderr: { get: () => open("stderr") },
    });
  }

  /** `tare logs -f x | head -1` ends quietly: later writes are dropped, and the signal fires. */
  get signal(): AbortSignal {
    return this.#broken.signal;
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#opened].map(flush));
  }

  #open(stream: OutputStream, name: "stdout" | "stderr"): OutputStream {
    if (this.#opened.has(stream)) return stream;
    this.#opened.add(stream);
    stream.on("error", () => {
      if (name === "stdout") this.#broken.abort(silentFailure(141));
    });
    return stream;
  }
}

class CommandLine {
  #context: CliContext;
  readonly #signal: AbortSignal;
  #debug = false;

  constructor(context: CliContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  async run(argv: readonly string[]): Promise<number> {
    let name = "";
    let failureStatus = 1;
    try {
      const parsed = parseFlags<GlobalValues>(globalFlags, argv, { optionsEnd: "first" });
      this.#context = withConfigDirectory(this.#context, parsed.values.config);
      const globals = resolveGlobals(parsed.values, this.#context.env);
      this.#debug = globals.debug;
      if (parsed.values.version) return this.#print(versionLine(this.#context));
      if (parsed.wantsHelp || parsed.positional.length === 0) return await this.#printHelp(parsed.positional);
      const found =
        findCommand({ entries: usualCommands, groups: {} }, parsed.positional) ??
        findCommand(await loadCommands(), parsed.positional);
      if (found === undefined) return await this.#notFound(parsed.positional);
      name = found.name;
      const words = parsed.positional.slice(found.length);
      const command = await found.entry.load(words);
      failureStatus = command.failureStatus ?? 1;
      return await this.#runCommand(found.entry, name, command, words, globals);
    } catch (thrown) {
      return this.#report(thrown, name, failureStatus);
    }
  }

  async #runCommand(
    entry: CommandEntry,
    name: string,
    command: Command<unknown>,
    words: readonly string[],
    globals: GlobalOptions,
  ): Promise<number> {
    const flags: FlagTable = command.flags;
    const parsed = parseFlags(flags, words, { optionsEnd: command.optionsEnd ?? "dashes" });
    if (parsed.wantsHelp) {
      const { formatCommandHelp } = await import("./help.ts");
      return this.#print(formatCommandHelp(entry, name, command, this.#context.stdout.columns));
    }
    const wrong = wrongCount(command.takes, parsed.positional.length);
    if (wrong !== undefined) {
      const { formatUsage } = await import("./help.ts");
      this.#context.stderr.write(
        `"tare ${name}" ${wrong}.\nSee 'tare ${name} --help'.\n\n${formatUsage(entry, name, command)}`,
      );
      return 1;
    }
    refuseLater(flags, parsed);
    const { startsDaemon = true, usesContext = true } = command;
    const chosen = usesContext ? await this.#inContext(globals) : globals;
    const whole = await this.#withConfiguredValues(flags, parsed);
    return await command.run(this.#call(name, whole, { ...chosen, startsDaemon }));
  }

  async #withConfiguredValues(flags: FlagTable, parsed: Parsed): Promise<Parsed> {
    if (
      !mayHaveConfig(this.#context) ||
      !Object.values(flags).some(({ configKey }) => configKey !== undefined)
    )
      return parsed;
    const { withConfiguredValues } = await import("./configured-values.ts");
    return withConfiguredValues(flags, parsed, {
      env: this.#context.env,
      warn: (text) => void this.#context.stderr.write(quoteControls(text)),
    });
  }

  /** With the host of the context that is named, or that Docker's client configuration has made the current one. */
  async #inContext(globals: GlobalOptions): Promise<GlobalOptions> {
    const { env } = this.#context;
    if (globals.hostFrom !== "default") return globals;
    if (globals.context === undefined && !env["DOCKER_CONTEXT"] && !mayHaveConfig(this.#context))
      return globals;
    const { withContextHost } = await import("./docker/current-context.ts");
    return withContextHost(globals, env);
  }

  #call(name: string, parsed: Parsed, globals: GlobalOptions): Call<unknown> {
    const context = this.#context;
    let lean: Promise<LeanClient> | undefined;
    let client: Promise<Client> | undefined;
    const connect = (): Promise<LeanClient> => (lean ??= this.#connect(globals));
    return {
      name,
      values: parsed.values,
      given: parsed.given,
      positional: parsed.positional,
      context,
      globals,
      commands: loadCommands,
      client: () => (client ??= connect().then((one) => context.widen(one))),
      leanClient: connect,
      signal: this.#signal,
      out: (text) => void context.stdout.write(text),
      err: (text) => void context.stderr.write(quoteControls(text)),
    };
  }

  async #connect(globals: GlobalOptions): Promise<LeanClient> {
    const context = this.#context;
    if (!mayHaveConfig(context)) return await context.connect(globals);
    const { configuredHeaders } = await import("./configured-values.ts");
    return await context.connect({ ...globals, headers: configuredHeaders(context.env) });
  }

  /** Reports what was thrown and gives the exit status. */
  #report(thrown: unknown, name: string, failureStatus: number): number {
    const details: FailureDetails = thrown instanceof Failure ? thrown.details : {};
    const sentence = sentenceOf(thrown);
    const isBare = details.see === true && details.prefix !== true;
    const line = isBare ? quoteControls(`${sentence}\n`) : formatFailure(sentence);
    const see = details.see === true ? `See '${`tare ${name}`.trim()} --help'.\n` : "";
    if (details.silent !== true) this.#context.stderr.write(`${line}${see}`);
    if (this.#debug) this.#context.stderr.write(traceOf(thrown));
    return details.exitStatus ?? failureStatus;
  }

  async #notFound(words: readonly string[]): Promise<number> {
    const [first = "", second = ""] = words;
    const commands = await loadCommands();
    const isGroup = Object.hasOwn(commands.groups, first);
    if (commands.later.has(isGroup ? second : first)) {
      throw laterFailure(isGroup ? `${first} ${second}` : first);
    }
    if (isGroup && second.startsWith("-") && second !== "--help" && second !== "-h") {
      throw flagFailure(`unknown flag: ${second}`);
    }
    if (isGroup && (second === "" || second.startsWith("-"))) {
      const { formatGroupHelp } = await import("./help.ts");
      return this.#print(formatGroupHelp(commands, first));
    }
    const { formatUnknownCommand } = await import("./unknown-command.ts");
    this.#context.stderr.write(quoteControls(formatUnknownCommand(commands, words)));
    return 1;
  }

  async #printHelp(words: readonly string[]): Promise<number> {
    const { formatHelp } = await import("./help.ts");
    return words.length === 0
      ? this.#print(formatHelp(await loadCommands(), this.#context.stdout.columns))
      : 0;
  }

  #print(text: string): number {
    this.#context.stdout.write(text);
    return 0;
  }
}

async function loadCommands(): Promise<CommandTree> {
  return (await import("./commands.ts")).commands;
}

/** `--config` is DOCKER_CONFIG for this command. */
function withConfigDirectory(context: CliContext, directory: string | undefined): CliContext {
  if (directory === undefined) return context;
  return Object.create(context, { env: { value: { ...context.env, DOCKER_CONFIG: directory } } });
}

function versionLine({ build }: CliContext): string {
  return `Tare version ${build.version}, build ${build.commit}\n`;
}

function wrongCount([least, most]: readonly [number, number], count: number): string | undefined {
  const argument = (number: number): string => `${number} argument${number === 1 ? "" : "s"}`;
  if (count >= least && count <= most) return undefined;
  if (most === 0) return "accepts no arguments";
  if (least === most) return `requires exactly ${argument(least)}`;
  return count < least ? `requires at least ${argument(least)}` : `requires at most ${argument(most)}`;
}

/** A flag of later work is refused by name before anything is done. */
function refuseLater(flags: FlagTable, { given, values }: Parsed): void {
  for (const name of given) {
    const harmless = flags[name]?.laterUnless;
    if (harmless !== undefined && !harmless.includes(String(values[name]))) throw laterFailure(`--${name}`);
  }
}

function traceOf(thrown: unknown): string {
  const lines: string[] = [];
  for (let inner: unknown = thrown; inner instanceof Error && lines.length < 20; inner = inner.cause) {
    lines.push(inner.stack ?? inner.message);
  }
  return `${lines.join("\ncaused by: ")}\n`;
}

function flush(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) resolve();
    else stream.write("", () => resolve());
  });
}
