import type { Duplex } from "node:stream";
import type { Digest } from "../spec/digest.ts";
import type { ImageConfig } from "../spec/image/config.ts";
import type { RegistryCredentials } from "../spec/registry/registry-credentials.ts";
import type { Definition } from "./definition.ts";
import type { ContainerLimits } from "./limits.ts";
import type { WallMs } from "./time.ts";

/** A directory on this host whose files a build may copy. Disposed when the build has ended. */
export interface OpenContext extends AsyncDisposable {
  /** Its files are hostile: opened by descriptor, beneath it. */
  readonly path: string;
}

/** Files that a build may copy. */
export type BuildContext =
  | {
      readonly kind: "directory";
      /**
       * The text of its `.dockerignore`, or of the one that belongs to the Dockerfile; undefined without one. Absent: it
       * is among the files, all of which are there.
       */
      readonly readIgnoreFile?: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
      /**
       * Brings the files, or some of them, once for each build. It may bring more than it was asked for, and less than
       * that only where `exclude` says so: the caller filters what it copies. The caller reports the step, too.
       */
      readonly open: (options: {
        /** Paths and patterns that are needed, with links followed; absent: all. */
        readonly include?: readonly string[] | undefined;
        /** Lines of the ignore file as parsed. */
        readonly exclude: readonly string[];
        readonly signal: AbortSignal;
        readonly onProgress: (bytes: number) => void;
      }) => Promise<OpenContext>;
    }
  /** `alpine:3`, as the context of that name: it takes the place of an image or a stage. */
  | { readonly kind: "image"; readonly reference: string }
  /** A git repository or a file of a web server, which the engine brings: `https://…/x.git#main:dir`. */
  | { readonly kind: "url"; readonly url: string }
  /** What another build of this engine has made, while that is open. */
  | { readonly kind: "result"; readonly image: BuiltImage };

/** A cache of builds in a registry: of its own, or in an image. */
export interface CacheSource {
  readonly reference: string;
  /** Take any certificate, and plain HTTP. */
  readonly insecure?: boolean | undefined;
}

/** A build of a Dockerfile. */
export interface BuildRequest {
  readonly dockerfile: {
    /** As messages give it: `Dockerfile`. */
    readonly name: string;
    /** Absent: the file of that name in the context `""`. */
    readonly text?: string | undefined;
  };
  /** `""` is the build context; the others are named ones, `NAME::linux/arm64` for one platform alone. */
  readonly contexts: ReadonlyMap<string, BuildContext>;
  /** The last stage when absent. */
  readonly target?: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `linux/arm64/v8`; empty: the host's. */
  readonly platforms: readonly string[];
  /** True: no step; names: not the steps of these stages. */
  readonly noCache: boolean | readonly string[];
  readonly pull: boolean;
  readonly network: "default" | "none" | "host";
  /** Variables of all RUN, `NAME:ADDRESS` in their hosts files, and their limits. */
  readonly extraHosts: readonly string[];
  readonly shmBytes?: number | undefined;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly cgroupParent?: string | undefined;
  readonly limits?: ContainerLimits | undefined;
  readonly hostname?: string | undefined;
  /** Seconds since 1970: the time of the image and, where asked for, its files. */
  readonly sourceDateEpoch?: number | undefined;
  /** Where results of steps are that this engine does not have. */
  readonly cacheSources?: readonly CacheSource[] | undefined;
  /** The images have the keys of their steps in their configs: they can be the cache of another build. */
  readonly hasInlineCache?: boolean | undefined;
  readonly attestations?: AttestationOptions | undefined;
  /** The front end that the Dockerfile names has been looked at already: it is not refused. */
  readonly ignoresSyntax?: boolean | undefined;
  /** Entitlements that the caller allows: `network.host`, `security.insecure`, `device`, `device=NAME`. */
  readonly entitlements: readonly string[];
  /** Undefined: there is no secret of that id. */
  readonly readSecret?: ((id: string, signal: AbortSignal) => Promise<Uint8Array | undefined>) | undefined;
  /** A connection to the client's agent; throws "not-found" where it forwards none of that id. */
  readonly openAgent?: ((id: string, signal: AbortSignal) => Promise<Duplex>) | undefined;
  /** Of a registry: `docker.io`, `localhost:5000`. */
  readonly findCredentials?:
    | ((registry: string, signal: AbortSignal) => Promise<RegistryCredentials | undefined>)
    | undefined;
}

/** A build of a definition. */
export interface DefinitionRequest
  extends Pick<BuildRequest, "entitlements" | "readSecret" | "openAgent" | "findCredentials"> {
  readonly definition: Definition;
  /** Brings files of a directory of the client, as its sources `local://NAME` ask for. */
  readonly openLocal: (
    name: string,
    options: {
      readonly include?: readonly string[] | undefined;
      readonly exclude?: readonly string[] | undefined;
      /** Paths that are needed with the links on their way. */
      readonly follow?: readonly string[] | undefined;
      readonly sharedKey?: string | undefined;
      readonly signal: AbortSignal;
      readonly onProgress: (bytes: number) => void;
    },
  ) => Promise<OpenContext>;
  /** What stands behind a source `tare-result://ID`. */
  readonly findResult: (id: string) => BuiltImage | undefined;
}

/** What a front end says about an image. */
export interface ImageSettings {
  /** `linux/amd64` */
  readonly platform: string;
  /** Docker's or OCI's configuration, whose layers are not read; absent: an empty one. */
  readonly configBytes?: Uint8Array | undefined;
  /** Seconds since 1970: the time of all that is new. */
  readonly sourceDateEpoch?: number | undefined;
}

/** What happens in a build. A vertex is a step; its id has the form of a digest and is its own in each build. */
export type BuildProgress =
  | {
      /** All instructions that are needed, in the order of the Dockerfile: once for each platform, before the first. */
      readonly kind: "steps";
      readonly steps: readonly {
        readonly text: string;
        /** Absent: it changes the configuration alone. */
        readonly vertex?: Digest | undefined;
      }[];
    }
  | {
      /** The present state of a vertex; the latest replaces those before. */
      readonly kind: "vertex";
      readonly id: Digest;
      readonly inputs: readonly Digest[];
      /** `[build 2/5] RUN make` */
      readonly name: string;
      /** Vertices that are shown as one. */
      readonly group?: { readonly id: string; readonly name: string; readonly weak: boolean } | undefined;
      readonly startedAtMs?: WallMs | undefined;
      readonly completedAtMs?: WallMs | undefined;
      readonly cached?: boolean | undefined;
      /** Why it failed; `canceled` in its end: another failed first. */
      readonly error?: string | undefined;
    }
  | {
      readonly kind: "log";
      readonly vertex: Digest;
      readonly stream: 1 | 2;
      readonly atMs: WallMs;
      readonly bytes: Uint8Array;
    }
  | {
      /** A part of a vertex's work: `extracting sha256:…`. Amounts are bytes. */
      readonly kind: "status";
      readonly vertex: Digest;
      readonly id: string;
      readonly current: number;
      readonly total?: number | undefined;
      readonly startedAtMs: WallMs;
      readonly completedAtMs?: WallMs | undefined;
    }
  | {
      readonly kind: "warning";
      readonly vertex: Digest;
      readonly short: string;
      readonly detail: readonly string[];
      readonly url?: string | undefined;
      /** Lines of the Dockerfile, 1-based. */
      readonly startLine: number;
      readonly endLine: number;
    };

/** How a build reports and is ended. */
export interface BuildOptions {
  /** Ends all steps within a second; what was made stays usable as cache. */
  readonly signal?: AbortSignal | undefined;
  /** Receives what happens, as it happens; must not throw. */
  readonly onProgress?: ((event: BuildProgress) => void) | undefined;
}

/** An entry of a tree, with the metadata of lstat. */
export interface TreeEntry {
  /** Relative to the tree's root, without a slash at its start: `etc/passwd`. The root itself is `""`. */
  readonly path: string;
  /** The whole st_mode. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  /** Target of a symbolic link; the earlier path of the same file for a hard link (only in walk()). */
  readonly target?: string | undefined;
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** A file system to be read. All paths are resolved inside it; links can't leave it. */
export interface BuiltTree extends AsyncDisposable {
  /** Of the entry itself, without following a link in its last component. Throws "not-found". */
  stat(path: string): Promise<TreeEntry>;
  /** Of a directory, by name. Throws "not-found"; "invalid" for what is no directory. */
  list(path: string): Promise<readonly TreeEntry[]>;
  /** At most `limitBytes` of a regular file. Throws "not-found", "invalid". */
  read(
    path: string,
    options: { readonly offset?: number | undefined; readonly limitBytes: number },
  ): Promise<Uint8Array>;
  /** The content of a regular file, as it is read. */
  open(path: string): AsyncIterable<Uint8Array>;
  /** All entries but the root: a directory before its content, siblings in the order of their names' bytes. */
  walk(): AsyncIterable<TreeEntry>;
  /** All entries as tar. */
  tar(): AsyncIterable<Uint8Array>;
}

/** The image for one platform. */
export interface BuiltImage {
  /** `linux/amd64` */
  readonly platform: string;
  /** Digest of the config: the engine's id of the image. */
  readonly id: Digest;
  readonly config: ImageConfig;
  /** As it is stored. */
  readonly configBytes: Uint8Array;
  readonly manifest: { readonly digest: Digest; readonly mediaType: string; readonly size: number };
  /** The caller disposes it. */
  openTree(): Promise<BuiltTree>;
}

/** The result of a build: kept from the collection of the cache until it is disposed. */
export interface BuildResult extends AsyncDisposable {
  /** One for each platform, in the order of the request. */
  readonly images: readonly BuiltImage[];
  /** What is known of them, for exports that have a place for it. */
  readonly attestations?: AttestationOptions | undefined;
}

/** How a result becomes images. */
export interface StoreOptions extends BuildOptions {
  /** Whole or familiar names; none: an image without a name. */
  readonly references: readonly string[];
  /** Of the vertex to which progress belongs: "exporting layers", "writing image sha256:…", "naming to …". */
  readonly vertex: Digest;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** The form of a result outside of the store. */
export interface ExportOptions {
  /** Whole or familiar names. */
  readonly references: readonly string[];
  /** Of layers that are plain tars; gzip when absent. */
  readonly compression?: "gzip" | "zstd" | "uncompressed" | undefined;
  /** The attestations of the result go into the index. */
  readonly hasAttestations?: boolean | undefined;
  /** An index even for one platform. */
  readonly isIndex?: boolean | undefined;
  /** By what has them. */
  readonly annotations?:
    | {
        readonly manifest?: Readonly<Record<string, string>> | undefined;
        readonly manifestDescriptor?: Readonly<Record<string, string>> | undefined;
        readonly index?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is said about a result, in its index. */
export interface AttestationOptions {
  readonly provenance?:
    | {
        /** "min" leaves out the arguments of the build. */
        readonly mode: "min" | "max";
        readonly builderId?: string | undefined;
        readonly isReproducible?: boolean | undefined;
        /** The client has not asked for it: it is left out where there is no index. */
        readonly inlineOnly?: boolean | undefined;
        /** What the client says about its repository. */
        readonly vcs?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
  /** An image that lists the packages of a file system. SPEC: BuildKit, docs/attestations/sbom-protocol.md */
  readonly sbom?: { readonly generator: string } | undefined;
}

/** How a result gets into a registry. */
export interface PushOptions extends Pick<BuildRequest, "findCredentials"> {
  /** Take any certificate, and plain HTTP. */
  readonly insecure?: boolean | undefined;
  /** No tag is set: the result is found by its digest alone. */
  readonly byDigest?: boolean | undefined;
  /** Parts of the work as they begin: `pushing layers`. */
  readonly onPart?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where the cache of a build goes. */
export interface CacheExportOptions extends Omit<PushOptions, "byDigest"> {
  readonly reference: string;
  /** "min": the steps whose layers the images have; "max": all. */
  readonly mode: "min" | "max";
  readonly compression?: ExportOptions["compression"];
}

/** A result that can leave the engine, while the result is open. */
export interface BuildExport {
  /** The manifest of the only image, or the index of all. */
  readonly root: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  /**
   * As an OCI layout in a tar, `docker` as a docker-archive, too. To be read to its end or left. Throws "invalid" for
   * several platforms as `docker`.
   */
  archive(format: "docker" | "oci"): AsyncIterable<Uint8Array>;
  /** Pushes it under each of the names. */
  push(options: PushOptions): Promise<void>;
}

/** A step's result in the build cache. */
export interface BuildCacheRecord {
  readonly id: string;
  readonly parents: readonly string[];
  readonly kind:
    | "regular"
    | "source.local"
    | "exec.cachemount"
    | "frontend"
    | "internal"
    | "source.git.checkout";
  /** `[build 2/5] RUN make` */
  readonly description: string;
  readonly inUse: boolean;
  /** An image has it, too. */
  readonly shared: boolean;
  readonly mutable: boolean;
  readonly sizeBytes: number;
  readonly createdAtMs: WallMs;
  readonly lastUsedAtMs?: WallMs | undefined;
  readonly usageCount: number;
}

/** Which records of the build cache are removed. */
export interface PruneCacheOptions {
  /** Also what is shared with images or internal. */
  readonly all?: boolean | undefined;
  /** Only records that it selects. */
  readonly select?: ((record: BuildCacheRecord) => boolean) | undefined;
  /** Only what was not used for so long. */
  readonly unusedForMs?: number | undefined;
  /** So many bytes of cache stay in any case. */
  readonly reservedBytes?: number | undefined;
  /** Leaves at most so many bytes of cache. */
  readonly maxUsedBytes?: number | undefined;
  /** Removes only until the file system has so many free bytes. */
  readonly minFreeBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The Dockerfile without building it: `targets`, `lint` of BuildKit's front end. */
export interface DockerfileReport {
  /** JSON as BuildKit's front end gives it. */
  readonly json: string;
  /** For people. */
  readonly text: string;
  /** Other metadata of the result: `result.statuscode`. */
  readonly statusCode?: number | undefined;
}

/**
 * Brings a directory of the data root to the state of a client's tree, by difference. What was not put is removed by
 * finish(). Disposed before that, the directory is not kept.
 */
export interface ContextReceiver extends OpenContext {
  /**
   * The next entry of the walk, a directory before its content, siblings in the order of their names' bytes. True: its
   * content is needed, by write() and end() with the same path. Throws "invalid" for a path, an order or a type that
   * no context has, "exhausted" for too many entries or bytes.
   */
  put(entry: TreeEntry): boolean;
  /** Appends to the content of a file that was put. */
  write(path: string, bytes: Uint8Array): void;
  /** Throws "invalid" where fewer or more bytes came than the entry has. */
  end(path: string): void;
  /** Throws "invalid" while a file's content is missing. */
  finish(): Promise<void>;
}

/** How the image of a front end is run. */
export interface FrontEndOptions {
  readonly pull: boolean;
  /** `NAME=value`, in addition to those of the image. */
  readonly env: readonly string[];
  /** What it writes to standard error. */
  readonly onLog: (text: string) => void;
}

/** A front end that runs. */
export interface FrontEndProgram extends AsyncDisposable {
  /** Its standard output, and its standard input. */
  readonly stream: Duplex;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

/** Clients' contexts in the data root. */
export interface ReceivedContexts {
  /** The one that is kept under the key; while another build has that open, a new one. */
  open(key: string): Promise<ContextReceiver>;
  /** An archive, plain or compressed, as a directory for one build. Throws "invalid" for one that is damaged. */
  unpack(archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<OpenContext>;
  /**
   * The text of a file of an open context, whose links stay inside it; undefined where there is none. Throws "invalid"
   * for something else than a file, and for one that is longer.
   */
  read(context: string, path: string, limitBytes: number): Promise<string | undefined>;
}

/** Builds of images. */
export interface Builds {
  readonly contexts: ReceivedContexts;
  /**
   * Builds without naming or exporting anything. Throws "invalid" for a Dockerfile with a mistake (details.line,
   * endLine); what a step failed with has details.vertex, line and endLine of its instruction.
   */
  build(request: BuildRequest, options?: BuildOptions): Promise<BuildResult>;
  /** Builds what a definition defines: one image without a configuration. Throws as build(). */
  solve(request: DefinitionRequest, options?: BuildOptions): Promise<BuildResult>;
  /**
   * An image of this engine's with another configuration; it is open as long as the first one. Throws "invalid" for a
   * configuration that is none.
   */
  configure(image: BuiltImage, settings: ImageSettings): BuiltImage;
  /** Reports about a Dockerfile without building. Throws "invalid" as build() does, "unsupported" for other kinds. */
  describe(
    kind: "targets" | "lint",
    request: BuildRequest,
    options?: BuildOptions,
  ): Promise<DockerfileReport>;
  /** Makes the result for the host's platform, or the first one, an image of the store and gives it the names. */
  store(result: Pick<BuildResult, "images">, options: StoreOptions): Promise<void>;
  /**
   * The results with no file in their new layers that is later than `sourceDateEpoch`; the same ones without that. They
   * are open while the result is.
   */
  clampTimes(result: BuildResult, signal?: AbortSignal): Promise<readonly BuiltImage[]>;
  /** The results in the form that registries and archives have. Throws "invalid" for a name that is none. */
  export(result: Pick<BuildResult, "images">, options: ExportOptions): Promise<BuildExport>;
  /** Pushes the results of the build's steps as a cache of its own. */
  exportCache(result: BuildResult, options: CacheExportOptions): Promise<void>;
  /** The config of an image, pulled where it is not here: what a front end on the client's side asks for. */
  resolveImage(
    reference: string,
    options: BuildOptions &
      Pick<BuildRequest, "findCredentials"> & {
        readonly platform?: string | undefined;
        readonly pull: boolean;
      },
  ): Promise<{ readonly reference: string; readonly digest: Digest; readonly configBytes: Uint8Array }>;
  /**
   * Runs an image as a front end of its own, pulled where it is not here. It speaks gRPC on its standard streams, and
   * ends when the result is disposed of. Throws "not-found" and as a start of a container does.
   */
  startFrontEnd(
    reference: string,
    options: BuildOptions & FrontEndOptions & Pick<BuildRequest, "findCredentials">,
  ): Promise<FrontEndProgram>;
  /** The records of the build cache: what was used last comes first. */
  cache(options?: { readonly signal?: AbortSignal | undefined }): Promise<readonly BuildCacheRecord[]>;
  /** Removes records, one after the other. */
  pruneCache(options?: PruneCacheOptions): AsyncIterable<BuildCacheRecord>;
}
