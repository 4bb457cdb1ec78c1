import type { LoadedLayer } from "../../image/loaded-image.ts";
import type { ImageConfig } from "../../spec/image/config.ts";
import type { Platform } from "../../spec/platform.ts";
import type { Digest } from "../../spec/digest.ts";
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
}

export type Operation = ImageOperation | ContextOperation | RunOperation | CopyOperation | DirectoryOperation;

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

/** A program in a container. */
export interface RunOperation {
  readonly kind: "run";
  readonly base: Vertex | undefined;
  readonly words: readonly string[];
  /** `NAME=value`: all variables of the program but those of the engine. */
  readonly env: readonly string[];
  /** Not part of the cache key, nor of the history: `HTTP_PROXY=…`. */
  readonly proxyEnv: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  readonly mounts: readonly RunMountOperation[];
  /** Files that the program sees in addition: here-documents that are scripts. By absolute path. */
  readonly scripts: ReadonlyMap<string, string>;
}

/** A mount of a RUN instruction. Targets are absolute. */
export type RunMountOperation =
  | {
      readonly type: "bind";
      readonly target: string;
      readonly from: Vertex | undefined;
      readonly source: string;
      readonly readOnly: boolean;
    }
  | {
      readonly type: "cache";
      readonly target: string;
      readonly id: string;
      readonly sharing: "shared" | "private" | "locked";
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
}

export type CopySource =
  | {
      readonly kind: "path";
      readonly from: Vertex | undefined;
      /** Patterns as in filepath.Match. */
      readonly path: string;
      /** Unpacks an archive that the path is. */
      readonly unpacks: boolean;
    }
  | { readonly kind: "file"; readonly name: string; readonly content: string };

/** A directory, and those above it. */
export interface DirectoryOperation {
  readonly kind: "directory";
  readonly base: Vertex | undefined;
  /** Absolute. */
  readonly path: string;
  readonly owner?: OwnerText | undefined;
}

/** The inputs of a vertex, those that are empty left out. */
export function inputsOf({ operation }: Vertex): readonly Vertex[] {
  const found: (Vertex | undefined)[] = [];
  switch (operation.kind) {
    case "image":
    case "context":
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
      found.push(operation.base);
      break;
    default:
      operation satisfies never;
  }
  return found.filter((each) => each !== undefined);
}
