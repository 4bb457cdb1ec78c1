import { type Bench, type WithContainers, withContainers } from "./row.ts";

/** An engine as Docker's own command line sees it. */
export interface Host {
  readonly engine: WithContainers;
  readonly socketPath: string;
  /** Whole command lines of docker. */
  readonly docker: (...words: readonly string[]) => readonly string[];
}

/** Those that speak Docker's API. */
export function hostsOf({ engines }: Bench): readonly Host[] {
  return withContainers(engines).flatMap((engine) => {
    const { socketPath } = engine.containers;
    if (socketPath === undefined) return [];
    const docker = (...words: readonly string[]): readonly string[] => [
      "docker",
      "-H",
      `unix://${socketPath}`,
      ...words,
    ];
    return [{ engine, socketPath, docker }];
  });
}
