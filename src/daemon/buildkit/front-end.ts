import { dirname, posix } from "node:path";
import { Failure } from "../../base/failure.ts";
import type {
  BuildContext,
  BuildRequest,
  BuildResult,
  Builds,
  BuiltImage,
  DockerfileReport,
  OpenContext,
} from "../../model/builds.ts";
import { findSyntax, isBuiltInSyntax } from "../../spec/syntax-image.ts";
import { type BuildSource, buildErrorOf, unsupportedSubrequest } from "./build-error.ts";
import type { ClientSession } from "./client-session.ts";
import { type ContextSource, type FrontendOptions, parseFrontendOptions } from "./frontend-options.ts";
import type { ProgressLog, StepProgress } from "./progress-log.ts";
import { receiveFiles, type WantedFiles } from "./receive-files.ts";
import { findCredentials, openAgent, readSecret, receiveUpload } from "./session-services.ts";

/** At most so much of a Dockerfile or an ignore file is read. */
const dockerfileBytes = 4 * 1024 * 1024;

/** What a front end needs of the build that it is for. */
export interface FrontEndBuild {
  readonly builds: Builds;
  readonly session: ClientSession;
  readonly progress: ProgressLog;
  readonly signal: AbortSignal;
  readonly entitlements: readonly string[];
  readonly hasInlineCache: boolean;
  /** What other builds have made, by the definition that this request has of it. */
  readonly findInput: (name: string) => BuiltImage | undefined;
  /** Runs the front end of an image instead. */
  readonly forward: (image: string, options: Readonly<Record<string, string>>) => Promise<FrontEndOutcome>;
  /** Disposed with the build. */
  readonly owned: AsyncDisposableStack;
}

export type FrontEndOutcome =
  | { readonly kind: "result"; readonly result: BuildResult; readonly isMultiPlatform: boolean }
  | { readonly kind: "report"; readonly report: DockerfileReport };

/** The subrequests that the front end answers, as it describes them itself. */
const subrequests = [
  {
    name: "frontend.subrequests.describe",
    version: "1.0.0",
    type: "rpc",
    description: "List available subrequest types",
  },
  {
    name: "frontend.targets",
    version: "1.0.0",
    type: "rpc",
    description: "List all targets current build supports",
  },
  { name: "frontend.lint", version: "1.0.0", type: "rpc", description: "Lint a Dockerfile" },
];

/**
 * The built-in front end: reads the Dockerfile from its client and builds it. Throws StatusError with the lines of the
 * Dockerfile that the failure is about.
 */
export async function runFrontEnd(
  given: Readonly<Record<string, string>>,
  build: FrontEndBuild,
): Promise<FrontEndOutcome> {
  let source: BuildSource | undefined;
  try {
    const options = parseFrontendOptions(given);
    if (options.subrequest === "subrequests.describe") return describeSubrequests();
    if (options.ignored.length > 0) {
      await build.progress.step("[internal] options without effect").run(async (step) => {
        for (const sentence of options.ignored) step.log(`WARN: ${sentence}\n`);
      });
    }
    const contexts = new ClientContexts(options, build);
    const dockerfile = await contexts.readDockerfile();
    if (dockerfile.text !== undefined) source = { name: dockerfile.name, text: dockerfile.text };
    const syntax = syntaxOf(given, dockerfile.text);
    if (syntax !== undefined) {
      const [source = ""] = syntax.split(/\s+/);
      return await build.forward(source, { ...given, source, cmdline: syntax });
    }
    const request = await requestOf(options, { build, contexts, dockerfile });
    const { signal, progress } = build;
    const run = { signal, onProgress: progress.add };
    switch (options.subrequest) {
      case undefined:
        return {
          kind: "result",
          result: await build.builds.build(request, run),
          isMultiPlatform: options.isMultiPlatform,
        };
      case "targets":
      case "lint":
        return { kind: "report", report: await build.builds.describe(options.subrequest, request, run) };
      default:
        throw unsupportedSubrequest(`frontend.${options.subrequest}`);
    }
  } catch (thrown) {
    build.signal.throwIfAborted();
    throw buildErrorOf(thrown, source);
  }
}

/** The image of another front end that the build asks for; one that was asked already does not ask again. */
function syntaxOf(given: Readonly<Record<string, string>>, text: string | undefined): string | undefined {
  if (given["cmdline"] !== undefined) return undefined;
  const argument = given["build-arg:BUILDKIT_SYNTAX"] ?? "";
  const syntax = argument !== "" ? argument : text === undefined ? undefined : findSyntax(text);
  return syntax === undefined || isBuiltInSyntax(syntax) ? undefined : syntax;
}

function describeSubrequests(): FrontEndOutcome {
  const list = subrequests.map((each) => ({
    Name: each.name,
    Version: each.version,
    Type: each.type,
    Description: each.description,
  }));
  const text = list.map(({ Name, Version, Description }) => `${Name}\t${Version}\t${Description}\n`).join("");
  return {
    kind: "report",
    report: { json: JSON.stringify(list), text: `NAME\tVERSION\tDESCRIPTION\n${text}` },
  };
}

async function requestOf(
  options: FrontendOptions,
  {
    build,
    contexts,
    dockerfile,
  }: {
    readonly build: FrontEndBuild;
    readonly contexts: ClientContexts;
    readonly dockerfile: BuildRequest["dockerfile"];
  },
): Promise<BuildRequest> {
  const { session, entitlements } = build;
  const found = new Map<string, BuildContext>();
  for (const [name, source] of options.contexts) found.set(name, await contexts.resolve(name, source));
  const { target, buildArgs, labels, platforms, noCache, pull, network, extraHosts, shmBytes, ulimits } =
    options;
  const { cgroupParent, hostname, sourceDateEpoch, cacheSources, attestations } = options;
  return {
    dockerfile,
    contexts: found,
    target,
    buildArgs,
    labels,
    platforms,
    noCache,
    pull,
    network,
    extraHosts,
    shmBytes,
    ulimits,
    cgroupParent,
    hostname,
    sourceDateEpoch,
    cacheSources,
    attestations,
    hasInlineCache: build.hasInlineCache,
    ignoresSyntax: true,
    entitlements,
    readSecret: async (id, signal) => readSecret(session, id, signal),
    openAgent: async (id, signal) => openAgent(session, id, signal),
    findCredentials: async (registry, signal) => findCredentials(session, registry, signal),
  };
}

/** The directories that a client offers, brought when they are needed. */
class ClientContexts {
  readonly #options: FrontendOptions;
  readonly #build: FrontEndBuild;
  /** The ignore file that belongs to the Dockerfile: instead of the context's own. */
  #ignoreText: string | undefined;
  #uploaded: OpenContext | undefined;

  constructor(options: FrontendOptions, build: FrontEndBuild) {
    this.#options = options;
    this.#build = build;
  }

  async readDockerfile(): Promise<BuildRequest["dockerfile"]> {
    const { filename, dockerfileDirectory, contexts } = this.#options;
    const name = posix.normalize(filename).replace(/^\/+/, "");
    const main = contexts.get("");
    if (dockerfileDirectory === undefined) {
      if (main?.kind === "upload") return this.#readUploaded(name, await this.#upload(main.url));
      return { name };
    }
    if (this.#build.findInput("dockerfile") !== undefined) return { name };
    const step = this.#build.progress.step(`[internal] load build definition from ${filename}`);
    return await step.run(async () => {
      const lower = posix.basename(name) === "Dockerfile" ? [posix.join(dirname(name), "dockerfile")] : [];
      const follow = [name, `${name}.dockerignore`, ...lower];
      await using files = await this.#receiveIn(step, "dockerfile", { name: dockerfileDirectory, follow });
      this.#ignoreText = await files.read(`${name}.dockerignore`);
      const text =
        (await files.read(name)) ?? (lower[0] === undefined ? undefined : await files.read(lower[0]));
      if (text === undefined)
        throw new Failure("not-found", `failed to read dockerfile: open ${name}: no such file or directory`);
      return { name, text };
    });
  }

  async resolve(name: string, source: ContextSource): Promise<BuildContext> {
    switch (source.kind) {
      case "image":
        return { kind: "image", reference: source.reference };
      case "url":
        return { kind: "url", url: source.url };
      case "upload":
        return this.#directory(await this.#upload(source.url), name);
      case "input": {
        const image = this.#build.findInput(source.name);
        if (image === undefined) throw new Failure("invalid", `invalid input ${source.name} for ${name}`);
        return { kind: "result", image };
      }
      case "local": {
        const input = name === "" ? this.#build.findInput("context") : undefined;
        return input === undefined ? this.#local(name, source.name) : { kind: "result", image: input };
      }
      default:
        return source satisfies never;
    }
  }

  #local(name: string, directory: string): BuildContext {
    const { progress } = this.#build;
    const label = name === "" ? "context" : name;
    const of = name === "" ? "" : ` from ${name}`;
    const isIgnored = name === "" && this.#ignoreText !== undefined;
    return {
      kind: "directory",
      readIgnoreFile: async () => {
        if (isIgnored) return this.#ignoreText;
        const step = progress.step(`[internal] load .dockerignore${of}`);
        return await step.run(async () => {
          const wanted = { name: directory, follow: [".dockerignore"] };
          await using files = await this.#receiveIn(step, label, wanted);
          return await files.read(".dockerignore");
        });
      },
      // The engine reports the step.
      open: async ({ include, exclude, onProgress }) => {
        const wanted = { name: directory, follow: wholeOr(include), exclude };
        return await this.#receive(wanted, { key: this.#keyOf(directory), onProgress });
      },
    };
  }

  #directory({ path }: OpenContext, name: string): BuildContext {
    const isIgnored = name === "" && this.#ignoreText !== undefined;
    return {
      kind: "directory",
      readIgnoreFile: async () =>
        isIgnored
          ? this.#ignoreText
          : this.#build.builds.contexts.read(path, ".dockerignore", dockerfileBytes),
      open: async () => ({ path, [Symbol.asyncDispose]: async () => undefined }),
    };
  }

  #keyOf(directory: string): string {
    const { sharedKey } = this.#build.session;
    return sharedKey === "" ? "" : JSON.stringify([sharedKey, directory]);
  }

  /** As a part of a step of its own. */
  async #receiveIn(
    step: StepProgress,
    label: string,
    wanted: WantedFiles,
  ): Promise<OpenContext & { read(name: string): Promise<string | undefined> }> {
    const part = step.part(`transferring ${label}:`);
    const { path, [Symbol.asyncDispose]: dispose } = await this.#receive(wanted, {
      key: "",
      onProgress: part.update,
    });
    part.finish();
    const { contexts } = this.#build.builds;
    return {
      path,
      read: async (name) => contexts.read(path, name, dockerfileBytes),
      [Symbol.asyncDispose]: dispose,
    };
  }

  async #receive(
    wanted: WantedFiles,
    { key, onProgress }: { readonly key: string; readonly onProgress: (bytes: number) => void },
  ): Promise<OpenContext> {
    const { builds, session, signal } = this.#build;
    const receiver = await builds.contexts.open(key);
    try {
      await receiveFiles(session, wanted, { receiver, signal, onProgress });
    } catch (thrown) {
      await receiver[Symbol.asyncDispose]();
      throw thrown;
    }
    return {
      path: receiver.path,
      [Symbol.asyncDispose]: async () => receiver[Symbol.asyncDispose](),
    };
  }

  async #upload(url: URL): Promise<OpenContext> {
    if (this.#uploaded !== undefined) return this.#uploaded;
    const { builds, session, signal, progress, owned } = this.#build;
    const step = progress.step("[internal] load remote build context");
    const context = await step.run(async () =>
      builds.contexts.unpack(receiveUpload(session, url, signal), signal),
    );
    this.#uploaded = owned.use(context);
    return context;
  }

  async #readUploaded(name: string, { path }: OpenContext): Promise<BuildRequest["dockerfile"]> {
    const { contexts } = this.#build.builds;
    const text = await contexts.read(path, name, dockerfileBytes);
    if (text === undefined)
      throw new Failure("not-found", `failed to read dockerfile: open ${name}: no such file or directory`);
    this.#ignoreText = await contexts.read(path, `${name}.dockerignore`, dockerfileBytes);
    return { name, text };
  }
}

/** Undefined where a path is the directory itself: then all is needed. */
function wholeOr(paths: readonly string[] | undefined): readonly string[] | undefined {
  const isWhole =
    paths === undefined || paths.some((path) => [".", "/", "./"].includes(posix.normalize(path)));
  return isWhole || paths.length === 0 ? undefined : paths;
}
