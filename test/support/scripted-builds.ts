import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../src/base/failure.ts";
import { ContextStore } from "../../src/engine/build-files/received-contexts.ts";
import { TreeReader } from "../../src/engine/build-files/tree-reader.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import type {
  BuildCacheRecord,
  BuildContext,
  BuildExport,
  BuildOptions,
  BuildRequest,
  BuildResult,
  Builds,
  BuiltImage,
  DockerfileReport,
  ExportOptions,
  PruneCacheOptions,
  StoreOptions,
} from "../../src/model/builds.ts";
import { type Digest, parseDigest } from "../../src/spec/digest.ts";

const digestOf = (text: string): Digest =>
  parseDigest(`sha256:${createHash("sha256").update(text).digest("hex")}`);

/**
 * Builds of a test, for daemons without an engine. It takes a Dockerfile as a script, one instruction a line: `COPY
 * [--from=NAME] SOURCE TARGET` copies files of a context, `RUN log TEXT`, `RUN fail`, `RUN wait`, `RUN secret ID`, `RUN
 * agent ID`, `RUN credentials HOST` and `RUN arg NAME` do what they say; a file `/NAME` in the result has what was read.
 */
export class ScriptedBuilds implements Builds, AsyncDisposable {
  readonly contexts: ContextStore;
  readonly directory: string = mkdtempSync(join(tmpdir(), "tare-builds-"));
  readonly requests: BuildRequest[] = [];
  readonly stored: (readonly string[])[] = [];
  readonly pruned: PruneCacheOptions[] = [];
  /** Builds that were canceled. */
  canceled = 0;
  running = 0;
  records: readonly BuildCacheRecord[] = [];
  #count = 0;

  constructor() {
    this.contexts = new ContextStore(join(this.directory, "contexts"));
  }

  async build(
    request: BuildRequest,
    { signal, onProgress = () => {} }: BuildOptions = {},
  ): Promise<BuildResult> {
    this.requests.push(request);
    this.running++;
    const root = join(this.directory, `result-${this.#count++}`);
    mkdirSync(root);
    await using opened = new AsyncDisposableStack();
    try {
      const lines = (request.dockerfile.text ?? "").split("\n");
      for (const [at, line] of lines.entries()) {
        const words = line.trim().split(/\s+/);
        if (words[0] === "" || words[0]?.startsWith("#") === true) continue;
        const vertex = {
          kind: "vertex",
          id: digestOf(`${this.#count} ${at}`),
          inputs: [],
          name: `[${at + 1}/${lines.length}] ${line}`,
        } as const;
        const startedAtMs = Date.now();
        onProgress({ ...vertex, startedAtMs });
        try {
          await this.#step(words, {
            request,
            root,
            opened,
            onProgress,
            signal: signal ?? new AbortController().signal,
            log: (text) =>
              onProgress({
                kind: "log",
                vertex: vertex.id,
                stream: 1,
                atMs: Date.now(),
                bytes: Buffer.from(text),
              }),
          });
        } catch (thrown) {
          const error = thrown instanceof Error ? thrown.message : String(thrown);
          onProgress({ ...vertex, startedAtMs, completedAtMs: Date.now(), error });
          signal?.throwIfAborted();
          throw new Failure("invalid", error, {
            details: { vertex: vertex.id, line: at + 1, endLine: at + 1 },
          });
        }
        onProgress({ ...vertex, startedAtMs, completedAtMs: Date.now(), cached: words[0] === "FROM" });
      }
    } catch (thrown) {
      if (signal?.aborted === true) this.canceled++;
      rmSync(root, { recursive: true });
      throw thrown;
    } finally {
      this.running--;
    }
    const platforms = request.platforms.length === 0 ? ["linux/amd64"] : request.platforms;
    const images = platforms.map((platform): BuiltImage => {
      const configBytes = Buffer.from(
        JSON.stringify({ os: "linux", architecture: platform.split("/")[1], root }),
      );
      return {
        platform,
        id: digestOf(configBytes.toString()),
        config: JSON.parse('{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}'),
        configBytes,
        manifest: {
          digest: digestOf(`manifest ${platform} ${root}`),
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          size: 7,
        },
        openTree: async () => new TreeReader(openDirectoryPath(root)),
      };
    });
    return { images, [Symbol.asyncDispose]: async () => rmSync(root, { recursive: true, force: true }) };
  }

  async #step(
    [instruction = "", ...words]: readonly string[],
    {
      request,
      root,
      opened,
      onProgress,
      signal,
      log,
    }: {
      readonly request: BuildRequest;
      readonly onProgress: NonNullable<BuildOptions["onProgress"]>;
      readonly root: string;
      readonly opened: AsyncDisposableStack;
      readonly signal: AbortSignal;
      readonly log: (text: string) => void;
    },
  ): Promise<void> {
    const [verb = "", id = ""] = words;
    if (instruction === "COPY") return await this.#copy(words, { request, root, opened, onProgress, signal });
    if (instruction !== "RUN") return;
    switch (verb) {
      case "log":
        return log(`${words.slice(1).join(" ")}\n`);
      case "fail":
        log("about to fail\n");
        throw new Failure("invalid", 'process "/bin/sh -c fail" did not complete successfully: exit code: 1');
      case "wait":
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        return;
      case "secret":
        writeFileSync(join(root, id), (await request.readSecret?.(id, signal)) ?? "(none)");
        return;
      case "arg":
        writeFileSync(join(root, id), request.buildArgs[id] ?? "(none)");
        return;
      case "credentials":
        writeFileSync(join(root, id), JSON.stringify((await request.findCredentials?.(id, signal)) ?? null));
        return;
      case "agent": {
        const agent = await request.openAgent?.(id, signal);
        agent?.write(Buffer.from([0, 0, 0, 1, 11])); // SSH_AGENTC_REQUEST_IDENTITIES
        for await (const answer of agent ?? []) {
          writeFileSync(join(root, "agent"), Buffer.from(answer).toString("hex"));
          break;
        }
        return;
      }
      default:
        throw new Error(`unknown verb ${verb}`);
    }
  }

  async #copy(
    words: readonly string[],
    {
      request,
      root,
      opened,
      onProgress,
      signal,
    }: {
      readonly request: BuildRequest;
      readonly onProgress: NonNullable<BuildOptions["onProgress"]>;
      readonly root: string;
      readonly opened: AsyncDisposableStack;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const from = words.find((word) => word.startsWith("--from="))?.slice("--from=".length) ?? "";
    const [source = "", target = ""] = words.filter((word) => !word.startsWith("--"));
    const context: BuildContext | undefined = request.contexts.get(from);
    if (context?.kind === "image" || context?.kind === "url")
      return writeFileSync(join(root, target), context.kind === "image" ? context.reference : context.url);
    if (context?.kind === "result") {
      await using tree = await context.image.openTree();
      return writeFileSync(join(root, target), await tree.read(source, { limitBytes: 1e6 }));
    }
    if (context === undefined) throw new Failure("not-found", `there is no context ${from}`);
    const ignored = (await context.readIgnoreFile?.(signal)) ?? "";
    const exclude = ignored.split("\n").filter((line) => line !== "");
    const include = source === "." ? undefined : [source];
    const startedAtMs = Date.now();
    const name = from === "" ? "[internal] load build context" : `[context ${from}] load from client`;
    const vertex = {
      kind: "vertex",
      id: digestOf(`${this.#count} ${from}`),
      inputs: [],
      name,
      startedAtMs,
    } as const;
    onProgress(vertex);
    let current = 0;
    const { path } = opened.use(
      await context.open({
        include,
        exclude,
        signal,
        onProgress: (bytes) => {
          current = bytes;
        },
      }),
    );
    const completedAtMs = Date.now();
    onProgress({
      kind: "status",
      vertex: vertex.id,
      id: "transferring context:",
      current,
      startedAtMs,
      completedAtMs,
    });
    onProgress({ ...vertex, completedAtMs });
    if (words.includes("--skip")) return;
    cpSync(join(path, source), join(root, target), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
    });
  }

  /** Scripts have no definitions. */
  async solve(): Promise<BuildResult> {
    throw new Failure("unsupported", "definitions are not scripted");
  }

  configure(image: BuiltImage): BuiltImage {
    return image;
  }

  startFrontEnd(): never {
    throw new Failure("unsupported", "there are no images with front ends");
  }

  async describe(kind: "targets" | "lint", request: BuildRequest): Promise<DockerfileReport> {
    const targets = [...(request.dockerfile.text ?? "").matchAll(/^FROM \S+ AS (\S+)/gm)].map(([, name]) => ({
      name,
    }));
    return { json: JSON.stringify({ targets }), text: `${kind}: ${targets.length} targets\n` };
  }

  async store(_: Pick<BuildResult, "images">, { references }: StoreOptions): Promise<void> {
    this.stored.push(references);
  }

  async exportCache(): Promise<void> {}

  async clampTimes({ images }: BuildResult): Promise<readonly BuiltImage[]> {
    return images;
  }

  async export({ images }: Pick<BuildResult, "images">, { references }: ExportOptions): Promise<BuildExport> {
    const [image] = images;
    if (image === undefined) throw new Failure("invalid", "no image");
    return {
      root: image.manifest,
      archive: async function* (format): AsyncGenerator<Uint8Array> {
        yield Buffer.from(`${format} ${references.join(",")}\n`);
        for (let at = 0; at < 4; at++) yield Buffer.alloc(100_000, at);
      },
      push: async () => {},
    };
  }

  async resolveImage(reference: string): ReturnType<Builds["resolveImage"]> {
    return { reference, digest: digestOf(reference), configBytes: Buffer.from("{}") };
  }

  async cache(): Promise<readonly BuildCacheRecord[]> {
    return this.records;
  }

  async *pruneCache(options: PruneCacheOptions = {}): AsyncGenerator<BuildCacheRecord> {
    this.pruned.push(options);
    for (const record of this.records) if (options.select?.(record) !== false) yield record;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.contexts.settle();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
