import type { CliContext } from "./context.ts";

/** Whether there may be a configuration of Docker's client. Most have none: then nothing that reads one is loaded. */
export function mayHaveConfig({ env, hasContent }: Pick<CliContext, "env" | "hasContent">): boolean {
  const { DOCKER_CONFIG, HOME } = env;
  const directory = DOCKER_CONFIG || (HOME ? `${HOME}/.docker` : undefined);
  return directory === undefined || hasContent(`${directory}/config.json`);
}
