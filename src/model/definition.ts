import type { RunDevice } from "../spec/cdi-name.ts";
import type { Digest } from "../spec/digest.ts";
import type { Platform } from "../spec/platform.ts";

/** One of the file systems that an operation makes. */
export interface DefinitionInput {
  readonly digest: Digest;
  readonly output: number;
}

/** A build as a client defines it itself: operations by their digests. SPEC: moby/buildkit, solver/pb/ops.proto */
export interface Definition {
  readonly operations: ReadonlyMap<Digest, DefinitionOperation>;
  /** What is built; undefined: an empty file system. */
  readonly target: DefinitionInput | undefined;
}

/** One operation of a definition. */
export interface DefinitionOperation {
  readonly inputs: readonly DefinitionInput[];
  /** Absent: the host's. */
  readonly platform?: Platform | undefined;
  readonly action: DefinitionAction;
  /** As it is shown; absent: a text of the action. */
  readonly name?: string | undefined;
  readonly ignoresCache: boolean;
  readonly group?: { readonly id: string; readonly name: string; readonly weak: boolean } | undefined;
}

/** Numbers of inputs are positions in the inputs of the operation; undefined: an empty file system. */
export type DefinitionAction =
  | {
      readonly kind: "source";
      /** `docker-image://docker.io/library/alpine:3`, `local://context` */
      readonly identifier: string;
      readonly attributes: Readonly<Record<string, string>>;
    }
  | ExecAction
  | { readonly kind: "file"; readonly actions: readonly FileAction[] }
  | { readonly kind: "merge"; readonly inputs: readonly (number | undefined)[] }
  | { readonly kind: "diff"; readonly lower: number | undefined; readonly upper: number | undefined };

/** A program, run on a file system. SPEC: moby/buildkit, solver/pb/ops.proto: ExecOp */
export interface ExecAction {
  readonly kind: "exec";
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  /** `HTTP_PROXY=…`: no part of the cache key. */
  readonly proxyEnv: readonly string[];
  /** `NAME:ADDRESS` */
  readonly extraHosts: readonly string[];
  readonly hostname?: string | undefined;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly cgroupParent?: string | undefined;
  /** Empty: 0 alone. */
  readonly validExitCodes: readonly number[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  readonly devices: readonly RunDevice[];
  readonly mounts: readonly ExecMount[];
  readonly secretVariables: readonly {
    readonly id: string;
    readonly name: string;
    readonly required: boolean;
  }[];
}

/** A mount of another file system. */
export interface MountedInput {
  readonly target: string;
  readonly input: number | undefined;
  /** Path in the input. */
  readonly source: string;
  readonly readOnly: boolean;
  /** Number of the output that it becomes; undefined: its changes are lost. */
  readonly output: number | undefined;
}

/** A mount of what the client has, and the file's owner. */
export interface MountedSecret {
  readonly id: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly required: boolean;
}

/** A mount of a program. */
export type ExecMount =
  | (MountedInput & { readonly type: "bind" })
  | (MountedInput & {
      readonly type: "cache";
      readonly id: string;
      readonly sharing: "shared" | "private" | "locked";
    })
  | { readonly type: "tmpfs"; readonly target: string; readonly sizeBytes: number }
  | ({ readonly type: "secret"; readonly target: string } & MountedSecret)
  | ({ readonly type: "ssh"; readonly target: string } & MountedSecret);

/** A user or a group: a number, or a name in the file system that is changed. */
export interface FileOwner {
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/** A step of a `file` action. Inputs beyond those of the operation are the results of earlier steps. */
export type FileAction = {
  readonly input: number | undefined;
  /** Number of the output that it becomes. */
  readonly output: number | undefined;
} & (
  | {
      readonly kind: "copy";
      readonly from: number | undefined;
      readonly source: string;
      readonly target: string;
      readonly owner?: FileOwner | undefined;
      /** Digits, or a text in the notation of chmod(1). */
      readonly mode?: string | undefined;
      readonly followsLink: boolean;
      readonly copiesContents: boolean;
      readonly unpacks: boolean;
      readonly makesParents: boolean;
      readonly isPattern: boolean;
      readonly isOptional: boolean;
      readonly timeNs?: bigint | undefined;
      readonly include: readonly string[];
      readonly exclude: readonly string[];
    }
  | {
      readonly kind: "write";
      readonly path: string;
      readonly mode: number;
      readonly content: Uint8Array;
      readonly owner?: FileOwner | undefined;
      readonly timeNs?: bigint | undefined;
    }
  | {
      readonly kind: "directory";
      readonly path: string;
      readonly mode: number;
      readonly makesParents: boolean;
      readonly owner?: FileOwner | undefined;
      readonly timeNs?: bigint | undefined;
    }
  | {
      readonly kind: "remove";
      readonly path: string;
      readonly isPattern: boolean;
      readonly isOptional: boolean;
    }
  | {
      readonly kind: "link";
      readonly path: string;
      readonly target: string;
      readonly owner?: FileOwner | undefined;
      readonly timeNs?: bigint | undefined;
    }
);
