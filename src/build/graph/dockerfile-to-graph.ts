import { Failure } from "../../base/failure.ts";
import type { RunDevice } from "../../spec/cdi-name.ts";
import { formatPlatform, parsePlatform, type Platform } from "../../spec/platform.ts";
import type {
  ArgInstruction,
  Dockerfile,
  Instruction,
  Location,
  RunInstruction,
  Stage,
} from "../dockerfile/dockerfile-types.ts";
import { expandWord, expandWords } from "../dockerfile/expand-words.ts";
import { failureAt, locating, locatingAsync } from "../dockerfile/parse-failure.ts";
import { parseOnbuildTrigger } from "../dockerfile/parse-dockerfile.ts";
import { builderArgs, evaluateGlobalArgs, platformArgs, proxyArgs } from "../dockerfile/platform-args.ts";
import { contextName } from "../../spec/context-name.ts";
import { changeConfig } from "./change-config.ts";
import type { BaseImage, CopySource, NamedContext, RunMountOperation, Vertex } from "./graph-types.ts";
import { remoteSourcesOf } from "./remote-sources.ts";
import { commandOf, runMountOf, withAgent } from "./run-operation.ts";
import {
  absolutePath,
  type DraftConfig,
  draftOf,
  emptyDraft,
  withDefaults,
  withHistory,
} from "./image-changes.ts";

/** What a build asks of a Dockerfile. */
export interface GraphOptions {
  /** By name: `--build-arg`. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Name or number of a stage; absent: the last one. */
  readonly target?: string | undefined;
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  readonly labels: Readonly<Record<string, string>>;
  /** No step, or none of these stages, takes its result from the cache. */
  readonly noCache: boolean | ReadonlySet<string>;
  readonly network: "default" | "none" | "host";
  /** What RUN may ask for besides a plain step; absent: nothing. */
  readonly entitlements?: readonly string[] | undefined;
  /** The CDI devices that a step asks for, by name; undefined: none. Throws what it is refused with. */
  readonly findDevices?:
    | ((devices: readonly RunDevice[]) => Promise<readonly string[] | undefined>)
    | undefined;
  resolveImage(reference: string, platform: Platform): Promise<BaseImage>;
  /** The context of a name, see contextName(); absent: there are none. */
  readonly findContext?:
    | ((name: string, platform: Platform) => Promise<NamedContext | undefined>)
    | undefined;
}

/** What a Dockerfile builds: a file system, and the configuration of its image without layers. */
export interface BuildTarget {
  readonly vertex: Vertex | undefined;
  readonly config: DraftConfig;
  /** Build arguments that no instruction used. */
  readonly unusedArgs: readonly string[];
  /** The instructions of the stages that it needs, in the order of the file. */
  readonly steps: readonly BuildStep[];
}

/** An instruction of a stage, and what it adds to the graph; without a vertex it changes the configuration alone. */
export interface BuildStep {
  readonly text: string;
  readonly vertex?: Vertex | undefined;
}

/** The state after an instruction. */
interface StageState {
  readonly vertex: Vertex | undefined;
  readonly config: DraftConfig;
  /** Declared by ARG, in order; undefined: without a value. */
  readonly args: ReadonlyMap<string, string | undefined>;
  /** CMD was given in this stage. */
  readonly hasCommand: boolean;
}

/**
 * Turns a Dockerfile into a graph: only what the target needs is in it. Throws "invalid" (details.line, endLine)
 * for what can't be built. SPEC: Dockerfile reference
 */
export async function dockerfileToGraph(dockerfile: Dockerfile, options: GraphOptions): Promise<BuildTarget> {
  return await new GraphBuilder(dockerfile, options).build();
}

class GraphBuilder {
  readonly #file: Dockerfile;
  readonly #options: GraphOptions;
  readonly #global: ReadonlyMap<string, string>;
  readonly #states = new Map<number, Promise<StageState>>();
  readonly #images = new Map<string, Promise<BaseImage>>();
  readonly #contexts = new Map<string, Promise<NamedContext | undefined>>();
  readonly #used = new Set<string>();
  /** By the index of their stage. */
  readonly #steps = new Map<number, BuildStep[]>();
  readonly #mainContext: Vertex = {
    operation: { kind: "context", name: "" },
    name: "[internal] load build context",
  };

  constructor(file: Dockerfile, options: GraphOptions) {
    this.#file = file;
    this.#options = options;
    this.#global = this.#expandGlobal();
  }

  async build(): Promise<BuildTarget> {
    const stage = this.#findTarget();
    const state = await this.#stateOf(stage);
    const labels = { ...state.config.defaults.labels, ...this.#options.labels };
    return {
      vertex: state.vertex,
      config: withDefaults(state.config, { labels }),
      steps: this.#file.stages.flatMap(({ index }) => this.#steps.get(index) ?? []),
      unusedArgs: Object.keys(this.#options.buildArgs).filter(
        (name) => !this.#used.has(name) && !proxyArgs.includes(name) && !builderArgs.has(name),
      ),
    };
  }

  #findTarget(): Stage {
    const { stages } = this.#file;
    const { target } = this.#options;
    const last = stages.at(-1);
    if (last === undefined) throw new Failure("invalid", "dockerfile parse error: no build stage");
    if (target === undefined || target === "") return last;
    const found = this.#findStage(target, stages.length);
    if (found === undefined) {
      throw new Failure("invalid", `target stage ${JSON.stringify(target)} could not be found`);
    }
    return found;
  }

  /** The last one of a name before a position, or the one with this number. */
  #findStage(text: string, before: number): Stage | undefined {
    const earlier = this.#file.stages.slice(0, before);
    return (
      earlier.findLast(({ name }) => name === text.toLowerCase()) ??
      (/^\d{1,4}$/.test(text) ? earlier[Number(text)] : undefined)
    );
  }

  #expandGlobal(): ReadonlyMap<string, string> {
    const { buildArgs, platform, buildPlatform, target } = this.#options;
    const predefined = platformArgs({
      build: buildPlatform,
      target: platform,
      targetStage: target,
      buildArgs,
    });
    const { globalArgs, directives } = this.#file;
    for (const { args } of globalArgs) for (const { name } of args) this.#used.add(name);
    return evaluateGlobalArgs(globalArgs, predefined, { buildArgs, escape: directives.escape });
  }

  #expand(word: string, values: ReadonlyMap<string, string>, location: Location): string {
    return locating(location, () => {
      const { text } = expandWord(word, {
        lookup: (name) => values.get(name),
        escape: this.#file.directives.escape,
      });
      return text;
    });
  }

  /** Variables in a here-document of COPY or ADD: quotes are characters like others. */
  #expandContent(content: string, values: ReadonlyMap<string, string>, location: Location): string {
    return locating(
      location,
      () => expandWord(content, { lookup: (name) => values.get(name), ignoreQuotes: true }).text,
    );
  }

  async #stateOf(stage: Stage): Promise<StageState> {
    const known = this.#states.get(stage.index);
    if (known !== undefined) return await known;
    const state = this.#evaluate(stage);
    this.#states.set(stage.index, state);
    return await state;
  }

  async #evaluate(stage: Stage): Promise<StageState> {
    // SPEC: BuildKit: a context takes the place of a stage with its name as a whole.
    const replaced = stage.name === undefined ? undefined : await this.#contextState(stage, stage.name);
    if (replaced !== undefined) {
      this.#steps.set(stage.index, [{ text: stage.from.text, vertex: replaced.vertex }]);
      return replaced;
    }
    let state = await this.#begin(stage);
    const steps: BuildStep[] = [{ text: stage.from.text, vertex: state.vertex }];
    this.#steps.set(stage.index, steps);
    const inherited = state.config.defaults.onBuild;
    state = { ...state, config: withDefaults(state.config, { onBuild: [] }) };
    const triggers = inherited.map((text) => parseOnbuildTrigger(text));
    const instructions = [...triggers, ...stage.instructions];
    const total = 1 + instructions.filter(makesLayer).length;
    let step = 1;
    for (const instruction of instructions) {
      if (makesLayer(instruction)) step++;
      const name = `${this.#prefix(stage, step, total)} ${instruction.text}`;
      const before = state;
      state = await locatingAsync(instruction.location, () =>
        this.#apply(stage, before, { instruction, name }),
      );
      const vertex = state.vertex === before.vertex ? undefined : state.vertex;
      steps.push({ text: instruction.text, vertex });
    }
    return state;
  }

  #prefix(stage: Stage, step: number, total: number): string {
    const label = this.#file.stages.length === 1 ? "" : `${stage.name ?? `stage-${stage.index}`} `;
    return `[${label}${step}/${total}]`;
  }

  async #begin(stage: Stage): Promise<StageState> {
    const nothing = { args: new Map<string, string>(), hasCommand: false };
    const { location } = stage;
    const base = this.#expand(stage.base, this.#global, location);
    if (base === "") {
      throw failureAt(`base name (${stage.base}) should not be blank`, location);
    }
    const platform = this.#platformOf(stage);
    const earlier = this.#file.stages
      .slice(0, stage.index)
      .findLast(({ name }) => name === base.toLowerCase());
    if (earlier !== undefined) {
      const { vertex, config } = await this.#stateOf(earlier);
      return { vertex, config, ...nothing };
    }
    if (base === "scratch") return { vertex: undefined, config: emptyDraft(platform), ...nothing };
    const context = await this.#contextState(stage, base);
    if (context !== undefined) return context;
    const image = await locatingAsync(location, async () => await this.#image(base, platform));
    return {
      vertex: this.#imageVertex(
        image,
        platform,
        `${this.#prefix(stage, 1, 1 + stage.instructions.filter(makesLayer).length)} FROM ${image.reference}`,
        location,
      ),
      config: draftOf(image.config),
      ...nothing,
    };
  }

  #platformOf({ platform, location }: Stage): Platform {
    if (platform === undefined) return this.#options.platform;
    return locating(location, () => parsePlatform(this.#expand(platform, this.#global, location)));
  }

  /** The state that a named context begins with; undefined: there is none of the name. */
  async #contextState(stage: Stage, name: string): Promise<StageState | undefined> {
    const { location } = stage;
    const platform = this.#platformOf(stage);
    const found = await locatingAsync(location, async () => await this.#context(name, platform));
    if (found === undefined) return undefined;
    const nothing = { args: new Map<string, string>(), hasCommand: false };
    const title = `[context ${name}]`;
    if (found.kind === "image") {
      const { image } = found;
      const vertex = this.#imageVertex(image, platform, `${title} ${image.reference}`, location);
      return { vertex, config: draftOf(image.config), ...nothing };
    }
    const vertex: Vertex = {
      operation: {
        kind: "copy",
        base: undefined,
        sources: [
          { kind: "path", from: { operation: found.operation, name: title }, path: "/", unpacks: false },
        ],
        target: "/",
        exclude: [],
        parents: false,
        link: false,
      },
      name: `${title} load from client`,
      location,
    };
    const config = withHistory(emptyDraft(platform), { createdBy: title, emptyLayer: false });
    return { vertex, config, ...nothing };
  }

  async #context(name: string, platform: Platform): Promise<NamedContext | undefined> {
    const key = contextName(name);
    const { findContext } = this.#options;
    if (key === undefined || findContext === undefined) return undefined;
    const cacheKey = `${formatPlatform(platform)} ${key}`;
    const known = this.#contexts.get(cacheKey) ?? findContext(key, platform);
    this.#contexts.set(cacheKey, known);
    return await known;
  }

  async #image(reference: string, platform: Platform): Promise<BaseImage> {
    const key = `${formatPlatform(platform)} ${reference}`;
    const known = this.#images.get(key) ?? this.#options.resolveImage(reference, platform);
    this.#images.set(key, known);
    return await known;
  }

  #imageVertex(image: BaseImage, platform: Platform, name: string, location: Location): Vertex {
    return { operation: { kind: "image", image, platform }, name, location };
  }

  /** A file system that COPY --from or a mount names. */
  async #source(stage: Stage, text: string, location: Location): Promise<Vertex | undefined> {
    const found = this.#findStage(text, stage.index);
    if (found !== undefined) return (await this.#stateOf(found)).vertex;
    if (/^\d+$/.test(text))
      throw failureAt(`invalid from flag value ${text}: there is no such stage before`, location);
    if (text.toLowerCase() === stage.name) {
      throw failureAt(`circular dependency detected on stage: ${stage.name}`, location);
    }
    if (text === "scratch") return undefined;
    const { platform } = this.#options;
    const context = await this.#context(text, platform);
    if (context?.kind === "files")
      return { operation: context.operation, name: `[context ${text}]`, location };
    if (context !== undefined)
      return this.#imageVertex(
        context.image,
        platform,
        `[context ${text}] ${context.image.reference}`,
        location,
      );
    const image = await this.#image(text, platform);
    return this.#imageVertex(image, platform, `FROM ${image.reference}`, location);
  }

  /** SAFETY: a Dockerfile alone must not give a step more than a container has. */
  #requireEntitlement(name: string, location: Location): void {
    const { entitlements = [] } = this.#options;
    if (!entitlements.includes(name))
      throw failureAt(`${name} is not allowed: allow it with --allow ${name}`, location);
  }

  async #devicesOf({ devices, location }: RunInstruction): Promise<readonly string[] | undefined> {
    const { findDevices } = this.#options;
    if (devices.length === 0 || findDevices === undefined) return undefined;
    return await locatingAsync(location, async () => await findDevices(devices));
  }

  /** The values of `$name`: ARG, and ENV over them. */
  #variablesOf({ args, config }: StageState): ReadonlyMap<string, string> {
    const values = new Map<string, string>();
    for (const [name, value] of args) if (value !== undefined) values.set(name, value);
    for (const entry of config.defaults.env) {
      const equals = entry.indexOf("=");
      values.set(equals < 0 ? entry : entry.slice(0, equals), equals < 0 ? "" : entry.slice(equals + 1));
    }
    return values;
  }

  async #apply(
    stage: Stage,
    state: StageState,
    { instruction, name }: { readonly instruction: Instruction; readonly name: string },
  ): Promise<StageState> {
    const { location } = instruction;
    const values = this.#variablesOf(state);
    const expand = (word: string): string => this.#expand(word, values, location);
    const { config } = state;
    const { defaults } = config;
    switch (instruction.keyword) {
      case "arg":
        return this.#applyArg(state, instruction);
      case "workdir": {
        const path = absolutePath(expand(instruction.path), defaults.workingDirectory);
        const changed = withDefaults(config, { workingDirectory: path });
        if (path === "/")
          return {
            ...state,
            config: withHistory(changed, { createdBy: `WORKDIR ${path}`, emptyLayer: true }),
          };
        return {
          ...state,
          vertex: {
            operation: { kind: "directory", base: state.vertex, path, owner: defaults.user || undefined },
            name,
            location,
            ignoresCache: this.#ignoresCache(stage),
          },
          config: withHistory(changed, { createdBy: `WORKDIR ${path}`, emptyLayer: false }),
        };
      }
      case "run":
        return await this.#applyRun(stage, state, { instruction, name, values });
      case "copy":
      case "add":
        return await this.#applyCopy(stage, state, { instruction, name, expand });
      default: {
        const expandAll = (word: string): readonly string[] =>
          locating(location, () =>
            expandWords(word, { lookup: (key) => values.get(key), escape: this.#file.directives.escape }),
          );
        const { hasCommand } = state;
        const changed = changeConfig(instruction, config, { expand, expandAll, hasCommand });
        return { ...state, config: changed, hasCommand: hasCommand || instruction.keyword === "cmd" };
      }
    }
  }

  #ignoresCache(stage: Stage): boolean {
    const { noCache } = this.#options;
    return typeof noCache === "boolean" ? noCache : noCache.has(stage.name ?? String(stage.index));
  }

  #applyArg(state: StageState, { args, location }: ArgInstruction): StageState {
    let { config } = state;
    const declared = new Map(state.args);
    const texts: string[] = [];
    for (const { name, value } of args) {
      this.#used.add(name);
      const values = this.#variablesOf({ ...state, args: declared });
      const own = value === undefined ? undefined : this.#expand(value, values, location);
      const { buildArgs } = this.#options;
      const given = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
      const text = given ?? own ?? this.#global.get(name);
      declared.delete(name);
      declared.set(name, text);
      // SPEC: values that were given are in the history of no ARG.
      texts.push(own === undefined ? name : `${name}=${own}`);
    }
    config = withHistory(config, { createdBy: `ARG ${texts.join(" ")}`, emptyLayer: true });
    return { ...state, config, args: declared };
  }

  async #applyRun(
    stage: Stage,
    state: StageState,
    {
      instruction,
      name,
      values,
    }: {
      readonly instruction: RunInstruction;
      readonly name: string;
      readonly values: ReadonlyMap<string, string>;
    },
  ): Promise<StageState> {
    const { defaults } = state.config;
    const { location } = instruction;
    const { words, scripts } = commandOf(instruction, defaults.shell, location);
    const mounts: RunMountOperation[] = [];
    for (const text of instruction.mounts) {
      const agents = mounts.filter(({ type }) => type === "ssh").length;
      mounts.push(
        await runMountOf(text, {
          expand: (word) => this.#expand(word, values, location),
          workingDirectory: defaults.workingDirectory,
          mainContext: this.#mainContext,
          findSource: async (source) => await this.#source(stage, source, location),
          agents,
        }),
      );
    }
    const args: string[] = [];
    for (const [key, value] of state.args) {
      if (value !== undefined && !defaults.env.some((entry) => entry.startsWith(`${key}=`)))
        args.push(`${key}=${value}`);
    }
    const { buildArgs } = this.#options;
    if (instruction.security === "insecure") this.#requireEntitlement("security.insecure", location);
    if (instruction.network === "host") this.#requireEntitlement("network.host", location);
    const proxyEnv = Object.entries(buildArgs)
      .filter(([key]) => proxyArgs.includes(key) && !state.args.has(key))
      .map(([key, value]) => `${key}=${value}`);
    const shown = [...state.args].map(([key, value]) => `${key}=${values.get(key) ?? value ?? ""}`);
    const said = [...(shown.length === 0 ? [] : [`|${shown.length}`, ...shown]), ...words].join(" ");
    return {
      ...state,
      vertex: {
        operation: {
          kind: "run",
          base: state.vertex,
          platform: state.config.platform,
          words,
          env: withAgent([...defaults.env, ...args], mounts),
          proxyEnv,
          workingDirectory: defaults.workingDirectory || "/",
          user: defaults.user,
          network: instruction.network === "default" ? this.#options.network : instruction.network,
          security: instruction.security,
          devices: await this.#devicesOf(instruction),
          mounts,
          scripts,
        },
        name,
        location,
        ignoresCache: this.#ignoresCache(stage),
      },
      config: withHistory(state.config, { createdBy: `RUN ${said} # buildkit`, emptyLayer: false }),
    };
  }

  async #applyCopy(
    stage: Stage,
    state: StageState,
    {
      instruction,
      name,
      expand,
    }: {
      readonly instruction: Extract<Instruction, { keyword: "copy" | "add" }>;
      readonly name: string;
      readonly expand: (word: string) => string;
    },
  ): Promise<StageState> {
    const { location, heredocs } = instruction;
    const { defaults } = state.config;
    const isAdd = instruction.keyword === "add";
    const named =
      instruction.keyword === "copy" && instruction.from !== undefined ? expand(instruction.from) : undefined;
    const from = named === undefined ? this.#mainContext : await this.#source(stage, named, location);
    const paths = instruction.sources.map(expand);
    const target = expand(instruction.target);
    const remote = remoteSourcesOf(instruction, paths, { expand, name });
    const sources: CopySource[] = paths.map(
      (path, index) =>
        remote[index] ?? { kind: "path", from, path, unpacks: isAdd && instruction.unpack !== false },
    );
    for (const { name: file, content, expand: expands } of heredocs) {
      sources.push({
        kind: "file",
        name: file,
        content: expands ? this.#expandContent(content, this.#variablesOf(state), location) : content,
      });
    }
    const endsAsDirectory = target.endsWith("/") || /(?:^|\/)\.$/.test(target);
    const absolute = absolutePath(target, defaults.workingDirectory);
    const owner = instruction.chown === undefined ? undefined : expand(instruction.chown);
    const mode = instruction.chmod === undefined ? undefined : expand(instruction.chmod);
    const flags = [
      ...(instruction.keyword === "copy" && instruction.parents ? ["--parents"] : []),
      ...(owner === undefined ? [] : [`--chown=${owner}`]),
      ...(mode === undefined ? [] : [`--chmod=${mode}`]),
    ];
    const words = [...flags, ...paths, ...heredocs.map((each) => `<<${each.name}`), target];
    return {
      ...state,
      vertex: {
        operation: {
          kind: "copy",
          base: state.vertex,
          sources,
          target: endsAsDirectory && absolute !== "/" ? `${absolute}/` : absolute,
          owner,
          mode,
          exclude: instruction.exclude.map(expand),
          parents: instruction.keyword === "copy" && instruction.parents,
          link: instruction.link,
        },
        name,
        location,
        ignoresCache: this.#ignoresCache(stage),
      },
      config: withHistory(state.config, {
        createdBy: `${instruction.keyword.toUpperCase()} ${words.join(" ")} # buildkit`,
        emptyLayer: false,
      }),
    };
  }
}

function makesLayer({ keyword }: Instruction): boolean {
  return keyword === "run" || keyword === "copy" || keyword === "add" || keyword === "workdir";
}
