import type { LoadedLayer } from "../../image/loaded-image.ts";
import type { ImageConfig } from "../../spec/image/config.ts";
import type { Platform } from "../../spec/platform.ts";
import type { Digest } from "../../spec/digest.ts";
import type { GitReference } from "../../spec/git-url.ts";
import type { Location } from "../dockerfile/dockerfile-types.ts";

/** An image that a build starts from. */
export interface BaseImage {
  /** Whole: `docker.io/library/busybox:latest`. */
  readonly reference: string;
  /** Of its manifest or index, where it came from a registry. */
  readonly digest?: Digest | undefined;
  readonly config: ImageConfig;
  readonly layers: readonly LoadedLayer[];
}

/** What a named context puts in the place of an image or a stage: an image, or files without a configuration. */
export type NamedContext =
  | { readonly kind: "image"; readonly image: BaseImage }
  | { readonly kind: "files"; readonly operation: ContextOperation };

/**
 * One step of a build. Vertices form a graph without cycles; the same object may be the input of several others. The
 * result of a vertex is a file system: a list of layers, or a build context. `undefined` as an input is the empty file
 * system (`scratch`).
 */
export interface Vertex {
  readonly operation: Operation;
  /** `[build 2/5] RUN make`. */
  readonly name: string;
  /** Position among the instructions of its stage: a client that numbers steps sorts by it. */
  readonly location?: Location | undefined;
  /** Runs again even where its result is in the cache. */
  readonly ignoresCache?: boolean | undefined;
  /** By which a client knows it: the digest of an operation in its definition. Absent: one is made in each build. */
  readonly id?: Digest | undefined;
  /** Vertices that a client shows as one. */
  readonly group?: ProgressGroup | undefined;
}

/** SPEC: moby/buildkit, solver/pb/ops.proto: ProgressGroup. */
export interface ProgressGroup {
  readonly id: string;
  readonly name: string;
  readonly weak: boolean;
}

export type Operation =
  | ImageOperation
  | ContextOperation
  | HttpOperation
  | GitOperation
  | RunOperation
  | OutputOperation
  | CopyOperation
  | DirectoryOperation
  | RemoveOperation
  | LinkOperation
  | MergeOperation
  | DiffOperation;

/** The layers of an image. */
export interface ImageOperation {
  readonly kind: "image";
  readonly image: BaseImage;
  readonly platform: Platform;
}

/** Files that the client or another source gives: `""` is the build context, other names are named contexts. */
export interface ContextOperation {
  readonly kind: "context";
  readonly name: string;
}

/** A file of a web server, in a directory of its own. */
export interface HttpOperation {
  readonly kind: "http";
  readonly url: string;
  /** Another content is refused. */
  readonly checksum?: Digest | undefined;
}

/** The files of a commit. */
export interface GitOperation {
  readonly kind: "git";
  readonly repository: GitReference;
  readonly keepsGitDirectory: boolean;
}

/** A program in a container. */
export interface RunOperation {
  readonly kind: "run";
  readonly base: Vertex | undefined;
  /** Of the programs; absent: the host's. */
  readonly platform?: Platform | undefined;
  readonly words: readonly string[];
  /** `NAME=value`: all variables of the program but those of the engine. */
  readonly env: readonly string[];
  /** Not part of the cache key, nor of the history: `HTTP_PROXY=…`. */
  readonly proxyEnv: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  /** CDI devices, `vendor.com/class=name`; absent: none. */
  readonly devices?: readonly string[] | undefined;
  readonly mounts: readonly RunMountOperation[];
  /** Files that the program sees in addition: here-documents that are scripts. By absolute path. */
  readonly scripts: ReadonlyMap<string, string>;
  /** What the program writes is lost. */
  readonly isReadOnly?: boolean | undefined;
  /** In addition to those of the build, or in their place. */
  readonly settings?: RunSettings | undefined;
  /** Exit codes of success; absent: 0. */
  readonly validExitCodes?: readonly number[] | undefined;
}

/** Settings of one program. */
export interface RunSettings {
  /** `NAME:ADDRESS` */
  readonly extraHosts?: readonly string[] | undefined;
  readonly hostname?: string | undefined;
  readonly ulimits?:
    | readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
    | undefined;
  readonly cgroupParent?: string | undefined;
}

/** What a program has made of one of its mounts: `bind`, with `keepsChanges`. */
export interface OutputOperation {
  readonly kind: "output";
  /** A RunOperation. */
  readonly of: Vertex;
  /** Position in its mounts. */
  readonly mount: number;
}

/** A mount of a RUN instruction. Targets are absolute. */
export type RunMountOperation =
  | {
      readonly type: "bind";
      readonly target: string;
      readonly from: Vertex | undefined;
      readonly source: string;
      readonly readOnly: boolean;
      /** What the program writes is a result: see OutputOperation. Otherwise it is lost. */
      readonly keepsChanges?: boolean | undefined;
    }
  | {
      readonly type: "cache";
      readonly target: string;
      readonly id: string;
      readonly sharing: "shared" | "private" | "locked";
      /** What a new directory has in it: `source` of it. Then it has the attributes of that. */
      readonly from: Vertex | undefined;
      readonly source: string;
      readonly readOnly: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: "tmpfs"; readonly target: string; readonly sizeBytes: number }
  | {
      readonly type: "secret";
      readonly id: string;
      /** Absent: only the variable. */
      readonly target?: string | undefined;
      readonly env?: string | undefined;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  /** The socket of an ssh agent of the client. */
  | {
      readonly type: "ssh";
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** `user[:group]`, names or numbers; names are looked up in the file system that is copied into. */
export type OwnerText = string;

/** Copies from other file systems, or writes files, on top of `base`. */
export interface CopyOperation {
  readonly kind: "copy";
  readonly base: Vertex | undefined;
  readonly sources: readonly CopySource[];
  /** Absolute; a slash at the end means a directory. */
  readonly target: string;
  readonly owner?: OwnerText | undefined;
  /** Permission bits, or a text in the notation of chmod(1). */
  readonly mode?: string | undefined;
  /** Patterns of files below the sources that are left out. */
  readonly exclude: readonly string[];
  /** Keeps the directories above each source. */
  readonly parents: boolean;
  /** A layer that does not depend on `base`: see `COPY --link`. */
  readonly link: boolean;
  /** Where they are, a copy of a definition differs from COPY. */
  readonly rules?: CopyRules | undefined;
}

/** How a copy differs from COPY. */
export interface CopyRules {
  /** Only paths that these patterns match. */
  readonly include?: readonly string[] | undefined;
  /** A directory goes into one that is there, under its own name. */
  readonly keepsDirectories?: boolean | undefined;
  /** The directory of the target must be there. */
  readonly needsParent?: boolean | undefined;
  /** Time of all entries, in nanoseconds since 1970. */
  readonly timeNs?: bigint | undefined;
}

export type CopySource =
  | {
      readonly kind: "path";
      readonly from: Vertex | undefined;
      /** Patterns as in filepath.Match. */
      readonly path: string;
      /** Unpacks an archive that the path is. */
      readonly unpacks: boolean;
      /** The path is no pattern. */
      readonly isPlain?: boolean | undefined;
      /** A pattern must match. */
      readonly isRequired?: boolean | undefined;
      /** A link is copied, not what it leads to. */
      readonly keepsLink?: boolean | undefined;
    }
  | {
      readonly kind: "file";
      readonly name: string;
      readonly content: string | Uint8Array;
      readonly mode?: number | undefined;
    };

/** A directory, and those above it. */
export interface DirectoryOperation {
  readonly kind: "directory";
  readonly base: Vertex | undefined;
  /** Absolute. */
  readonly path: string;
  readonly owner?: OwnerText | undefined;
  /** Permission bits of new directories; absent: 0755. */
  readonly mode?: number | undefined;
  readonly needsParent?: boolean | undefined;
  readonly timeNs?: bigint | undefined;
}

/** Removes a path, and all below it. */
export interface RemoveOperation {
  readonly kind: "remove";
  readonly base: Vertex | undefined;
  /** Absolute. */
  readonly path: string;
  /** Components are patterns as in filepath.Match. */
  readonly isPattern: boolean;
  /** Fails where nothing is there. */
  readonly isRequired: boolean;
}

/** A symbolic link. */
export interface LinkOperation {
  readonly kind: "link";
  readonly base: Vertex | undefined;
  /** Absolute. */
  readonly path: string;
  /** As it is written. */
  readonly target: string;
  readonly owner?: OwnerText | undefined;
  readonly timeNs?: bigint | undefined;
}

/** The layers of all inputs, on top of each other. */
export interface MergeOperation {
  readonly kind: "merge";
  readonly inputs: readonly (Vertex | undefined)[];
}

/** What `upper` has changed in `lower`, on top of nothing. */
export interface DiffOperation {
  readonly kind: "diff";
  readonly lower: Vertex | undefined;
  readonly upper: Vertex | undefined;
}

/** The inputs of a vertex, those that are empty left out. */
export function inputsOf({ operation }: Vertex): readonly Vertex[] {
  const found: (Vertex | undefined)[] = [];
  switch (operation.kind) {
    case "image":
    case "context":
    case "http":
    case "git":
      break;
    case "run":
      found.push(operation.base);
      for (const mount of operation.mounts) {
        if (mount.type === "bind" || mount.type === "cache") found.push(mount.from);
      }
      break;
    case "copy":
      found.push(operation.base);
      for (const source of operation.sources) if (source.kind === "path") found.push(source.from);
      break;
    case "directory":
    case "remove":
    case "link":
      found.push(operation.base);
      break;
    case "output":
      found.push(operation.of);
      break;
    case "merge":
      found.push(...operation.inputs);
      break;
    case "diff":
      found.push(operation.lower, operation.upper);
      break;
    default:
      operation satisfies never;
  }
  return found.filter((each) => each !== undefined);
}
