import { spellOutPorts } from "../../spec/port-range.ts";
import type { Instruction } from "../dockerfile/dockerfile-types.ts";
import { failureAt } from "../dockerfile/parse-failure.ts";
import {
  checkSignal,
  type DraftConfig,
  healthcheckOf,
  quoteHealthcheck,
  quoteList,
  withDefaults,
  withHistory,
  withVariable,
  wordsOf,
} from "./image-changes.ts";

/** Instructions that change the configuration alone. */
type ConfigInstruction = Exclude<Instruction, { keyword: "arg" | "run" | "copy" | "add" | "workdir" }>;

export interface ConfigScope {
  /** To one word. */
  readonly expand: (word: string) => string;
  /** To several, split at blanks. */
  readonly expandAll: (word: string) => readonly string[];
  /** CMD was given in this stage. */
  readonly hasCommand: boolean;
}

/** A configuration after an instruction, with its entry in the history. Throws "invalid". */
export function changeConfig(
  instruction: ConfigInstruction,
  config: DraftConfig,
  { expand, expandAll, hasCommand }: ConfigScope,
): DraftConfig {
  const { location } = instruction;
  const { defaults } = config;
  const recorded = (changed: Partial<typeof defaults>, createdBy: string): DraftConfig =>
    withHistory(withDefaults(config, changed), { createdBy, emptyLayer: true });
  switch (instruction.keyword) {
    case "env": {
      let { env } = defaults;
      const texts: string[] = [];
      for (const pair of instruction.pairs) {
        const [key, value] = [expand(pair.name), expand(pair.value)];
        env = withVariable(env, key, value);
        texts.push(`${key}=${value}`);
      }
      return recorded({ env }, `ENV ${texts.join(" ")}`);
    }
    case "label": {
      const pairs = instruction.pairs.map((pair) => [expand(pair.name), expand(pair.value)] as const);
      const labels = { ...defaults.labels, ...Object.fromEntries(pairs) };
      return recorded({ labels }, `LABEL ${pairs.map(([key, value]) => `${key}=${value}`).join(" ")}`);
    }
    case "maintainer": {
      const author = instruction.maintainer;
      return withHistory({ ...config, author }, { createdBy: `MAINTAINER ${author}`, emptyLayer: true });
    }
    case "cmd": {
      const { command } = instruction;
      const cmd = command === undefined ? [] : wordsOf(command, defaults.shell);
      return recorded({ cmd, argsEscaped: true }, `CMD ${quoteList(cmd)}`);
    }
    case "entrypoint": {
      const { command } = instruction;
      const entrypoint = command === undefined ? [] : wordsOf(command, defaults.shell);
      // A command of the base image is made for its own entrypoint.
      const cmd = hasCommand ? defaults.cmd : undefined;
      return recorded({ entrypoint, cmd, argsEscaped: true }, `ENTRYPOINT ${quoteList(entrypoint)}`);
    }
    case "shell":
      return recorded({ shell: instruction.words }, `SHELL [${instruction.words.join(" ")}]`);
    case "healthcheck":
      return recorded({ healthcheck: healthcheckOf(instruction) }, quoteHealthcheck(instruction));
    case "user": {
      const user = expand(instruction.user);
      return recorded({ user }, `USER ${user}`);
    }
    case "expose": {
      const ports = instruction.ports
        .flatMap(expandAll)
        .map((port) => (port.includes("/") ? port.toLowerCase() : `${port}/tcp`))
        .flatMap(spellOutPorts);
      const exposedPorts = [...new Set([...defaults.exposedPorts, ...ports])];
      const entries = [...new Set(ports)].sort().map((port) => `${port}:{}`);
      return recorded({ exposedPorts }, `EXPOSE map[${entries.join(" ")}]`);
    }
    case "volume": {
      const paths = instruction.paths.map(expand);
      if (paths.includes("")) throw failureAt("VOLUME specified can not be an empty string", location);
      const volumes = [...new Set([...defaults.volumes, ...paths])];
      return recorded({ volumes }, `VOLUME [${paths.join(" ")}]`);
    }
    case "stopsignal": {
      const stopSignal = checkSignal(expand(instruction.signal));
      return recorded({ stopSignal }, `STOPSIGNAL ${stopSignal}`);
    }
    case "onbuild":
      // SPEC: it has no entry in the history.
      return withDefaults(config, { onBuild: [...defaults.onBuild, instruction.expression] });
    default:
      return instruction satisfies never;
  }
}
