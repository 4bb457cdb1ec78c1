import type { HostConfig } from "./host-config.ts";

/** A directory of the daemon's host, with what stat(2) tells of it: another mount namespace has another one there. */
export interface BuildContextPath {
  readonly Path?: string | undefined;
  /** Decimal text: a number of 64 bits. */
  readonly Device?: string | undefined;
  readonly Inode?: string | undefined;
}

/** Takes the place of an image or a stage: one of the members. */
export interface BuildNamedContext {
  /** `docker-image://` without the scheme. */
  readonly Image?: string | undefined;
  /** A git repository or a file of a web server. */
  readonly Url?: string | undefined;
  readonly Directory?: BuildContextPath | undefined;
  /** Number of the directory in the archive that follows, which has one for each context: the main one is in `0`. */
  readonly InArchive?: number | undefined;
}

export interface BuildOutputRequest {
  /** `image`: of the engine; `tar`: the files; `docker`, `oci`: an archive. */
  readonly Type?: string | undefined;
  /** BuildKit's: `push`, `compression`, `rewrite-timestamp`, `annotation.KEY`. */
  readonly Attributes?: Readonly<Record<string, string>> | undefined;
}

export interface BuildCacheRequest {
  readonly Type?: string | undefined;
  /** BuildKit's: `ref`, `mode`, `compression`, `registry.insecure`, `ignore-error`. */
  readonly Attributes?: Readonly<Record<string, string>> | undefined;
}

/** The first line of `POST /tare/builds`; the context follows as tar where `Context` and `Remote` are absent. */
export interface BuildOptionsLine {
  readonly Dockerfile?:
    | { readonly Name?: string | undefined; readonly Text?: string | undefined }
    | undefined;
  readonly Context?: BuildContextPath | undefined;
  /** By name: `--build-context`. */
  readonly NamedContexts?: Readonly<Record<string, BuildNamedContext>> | undefined;
  /** In place of files: the URL of an archive, of a Dockerfile, or a git repository: `https://host/x.git#REF:DIR`. */
  readonly Remote?: string | undefined;
  /** Text of the ignore file; "": none. Absent: the daemon looks for it in the context. */
  readonly IgnoreFile?: string | undefined;
  readonly Tags?: readonly string[] | undefined;
  readonly Target?: string | undefined;
  readonly BuildArgs?: Readonly<Record<string, string>> | undefined;
  readonly Labels?: Readonly<Record<string, string>> | undefined;
  readonly Platforms?: readonly string[] | undefined;
  readonly NoCache?: boolean | undefined;
  /** Names of stages. */
  readonly NoCacheFilter?: readonly string[] | undefined;
  readonly Pull?: boolean | undefined;
  readonly NetworkMode?: string | undefined;
  /** Limits, hosts and the cgroup of all steps: the fields that a container has for them. */
  readonly HostConfig?: HostConfig | undefined;
  /** Values in base64 by id. */
  readonly Secrets?: Readonly<Record<string, string>> | undefined;
  /** Ids of the client's ssh agents: `default`. The client answers each `Agent` of the reply. */
  readonly Agents?: readonly string[] | undefined;
  readonly Entitlements?: readonly string[] | undefined;
  /** What is made of the result, in this order; absent: an image of the engine. */
  readonly Outputs?: readonly BuildOutputRequest[] | undefined;
  /** Caches elsewhere: `registry`. */
  readonly CacheFrom?: readonly BuildCacheRequest[] | undefined;
  /** Where the cache goes: `registry`, `inline`. */
  readonly CacheTo?: readonly BuildCacheRequest[] | undefined;
  /** BuildKit's options by type: `provenance`, `sbom`. */
  readonly Attestations?: Readonly<Record<string, string>> | undefined;
  /** In place of a build: `lint`, `targets`. */
  readonly Describe?: string | undefined;
}

/** A step of a build; the latest state replaces those before. Times are milliseconds since 1970. */
export interface BuildVertex {
  readonly Id: string;
  readonly Inputs: readonly string[];
  readonly Name: string;
  readonly StartedAt?: number | undefined;
  readonly CompletedAt?: number | undefined;
  readonly Cached?: boolean | undefined;
  readonly Error?: string | undefined;
}

/** Output of a step: `Data` is base64. */
export interface BuildLog {
  readonly Vertex: string;
  readonly Stream: 1 | 2;
  readonly At: number;
  readonly Data: string;
}

export interface BuildStatus {
  readonly Vertex: string;
  readonly Id: string;
  readonly Current: number;
  readonly Total?: number | undefined;
  readonly StartedAt: number;
  readonly CompletedAt?: number | undefined;
}

export interface BuildWarning {
  readonly Vertex: string;
  readonly Short: string;
  readonly Detail: readonly string[];
  readonly Url?: string | undefined;
  readonly StartLine: number;
  readonly EndLine: number;
}

export interface BuiltImageReply {
  readonly Platform: string;
  readonly Id: string;
  readonly Digest: string;
  readonly MediaType: string;
  readonly Size: number;
}

export interface BuiltExportReply {
  readonly Digest: string;
  readonly MediaType: string;
  readonly Size: number;
}

export interface BuildFailure {
  readonly Kind: string;
  readonly Message: string;
  /** Lines of the Dockerfile. */
  readonly Line?: number | undefined;
  readonly EndLine?: number | undefined;
  /** Id of the step. */
  readonly Vertex?: string | undefined;
  /** Exit status of the step's command. */
  readonly ExitCode?: number | undefined;
  /** Lines of the Dockerfile around the mistake. */
  readonly Excerpt?: string | undefined;
}

/** A step connects to an ssh agent: the client makes the connection by `POST /tare/builds/agents/{connection}`. */
export interface BuildAgentRequest {
  readonly Connection: string;
  /** Of the agent. */
  readonly Id: string;
}

/** One line of the reply of `POST /tare/builds`: one member each. `Result`, `Report` or `Failure` is the last. */
export interface BuildMessage {
  readonly Vertex?: BuildVertex | undefined;
  readonly Log?: BuildLog | undefined;
  readonly Status?: BuildStatus | undefined;
  readonly Warning?: BuildWarning | undefined;
  readonly Agent?: BuildAgentRequest | undefined;
  /** A piece of an output that is no `image`, by its place in the list, in base64; of the platform. */
  readonly Output?: { readonly Index: number; readonly Platform: string; readonly Data: string } | undefined;
  readonly Result?:
    | {
        readonly Images: readonly BuiltImageReply[];
        /** What was pushed or archived, the last one of them. */
        readonly Exported?: BuiltExportReply | undefined;
      }
    | undefined;
  readonly Report?:
    | { readonly Json: string; readonly Text: string; readonly StatusCode?: number | undefined }
    | undefined;
  readonly Failure?: BuildFailure | undefined;
}
