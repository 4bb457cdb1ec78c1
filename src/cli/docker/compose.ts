import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { findCompose } from "./find-compose.ts";

/** Words that Compose answers without an engine. */
const answersAlone = new Set(["config", "convert", "help", "version"]);

export const compose: Command<object> = {
  usage: "[OPTIONS] COMMAND",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {},
  optionsEnd: "start",
  description:
    "Runs the installed Docker Compose (docker-compose in PATH, or the plugin of Docker's client) with this engine: DOCKER_HOST is its socket. All words go to Compose.",
  examples: ["tare compose up -d", "tare compose -f compose.prod.yml logs -f web", "tare compose down -v"],
  async run(call) {
    const { context, globals, positional } = call;
    const program = findCompose(context.env);
    if (program === undefined) {
      throw new Failure(
        "not-found",
        'cannot find Docker Compose; install the plugin docker-compose-plugin (Docker\'s packages) or "docker-compose" (Debian, Fedora, Alpine)',
      );
    }
    if (needsEngine(positional)) await call.leanClient(); // it starts the daemon where that is ours to do
    const { DOCKER_CONTEXT: _, ...env } = context.env;
    return await context.become(program, { argv: positional, env: { ...env, DOCKER_HOST: globals.host } });
  },
};

function needsEngine(words: readonly string[]): boolean {
  return (
    words.some((word) => !word.startsWith("-")) &&
    !words.some((word) => word === "--help" || word === "-h" || answersAlone.has(word))
  );
}
