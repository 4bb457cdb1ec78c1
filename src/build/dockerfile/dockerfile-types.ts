import type { RunDevice } from "../../spec/cdi-name.ts";

/** Lines of the file, 1-based and inclusive. */
export interface Location {
  readonly startLine: number;
  readonly endLine: number;
}

/** The character that escapes characters and continues lines. */
export type EscapeToken = "\\" | "`";

/** Something the parser accepts but that will be refused in a future release. */
export interface ParseWarning {
  readonly rule: "NoEmptyContinuation";
  readonly detail: string;
  readonly location: Location;
}

/** One file, parsed. No variable is expanded. */
export interface Dockerfile {
  readonly directives: {
    readonly syntax?: string | undefined;
    readonly escape: EscapeToken;
    /** Value of `# check=…`, for `parseCheckOptions()`. */
    readonly check?: string | undefined;
  };
  /** ARG instructions before the first FROM, in order. */
  readonly globalArgs: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  readonly warnings: readonly ParseWarning[];
}

/** One FROM and the instructions up to the next one. */
export interface Stage {
  /** Name after AS, in lower case. */
  readonly name?: string | undefined;
  /** Image or stage after FROM, unexpanded. */
  readonly base: string;
  /** Value of --platform, unexpanded. */
  readonly platform?: string | undefined;
  /** Position among the stages: the name that `COPY --from=0` has for it. */
  readonly index: number;
  /** Description in a comment directly above: `# NAME description`. */
  readonly comment?: string | undefined;
  readonly from: FromInstruction;
  /** The lines of FROM. */
  readonly location: Location;
  readonly instructions: readonly Instruction[];
}

interface InstructionBase {
  readonly location: Location;
  /** Original text as one line: continuations joined, trimmed. Contents of heredocs are not in it. */
  readonly text: string;
  /** The keyword as written: `RUN`, `run`. */
  readonly written: string;
  /** Comments directly above, without `#`, trimmed; none of them is empty. */
  readonly comments: readonly string[];
}

export interface FromInstruction extends InstructionBase {
  readonly keyword: "from";
  readonly base: string;
  /** Name after AS, in lower case. */
  readonly name?: string | undefined;
  /** The name as written. */
  readonly writtenName?: string | undefined;
  /** The word AS as written. */
  readonly writtenAs?: string | undefined;
  readonly platform?: string | undefined;
}

export interface ArgDefinition {
  readonly name: string;
  readonly value?: string | undefined;
  /** Description in a comment directly above: `# NAME description`. */
  readonly comment?: string | undefined;
}

export interface ArgInstruction extends InstructionBase {
  readonly keyword: "arg";
  readonly args: readonly ArgDefinition[];
}

export interface NameValue {
  readonly name: string;
  readonly value: string;
  /** `NAME VALUE`, the deprecated form without `=`. */
  readonly legacy: boolean;
}

export interface EnvInstruction extends InstructionBase {
  readonly keyword: "env";
  readonly pairs: readonly NameValue[];
}

export interface LabelInstruction extends InstructionBase {
  readonly keyword: "label";
  readonly pairs: readonly NameValue[];
}

/** A here-document. */
export interface Heredoc {
  /** The terminator, without quotes. For COPY and ADD the file's name. */
  readonly name: string;
  /** Content as written, with line ends; leading tabs are removed already where COPY or ADD have `<<-`. */
  readonly content: string;
  /** The terminator was not quoted: variables of the content are expanded. */
  readonly expand: boolean;
  /** `<<-`: leading tabs do not count. */
  readonly chomp: boolean;
  /** Number before `<<`; 0 without one. */
  readonly descriptor: number;
}

interface Transfer extends InstructionBase {
  /** Paths, URLs or patterns. Sources are these, then `heredocs`. */
  readonly sources: readonly string[];
  readonly heredocs: readonly Heredoc[];
  readonly target: string;
  readonly chown?: string | undefined;
  readonly chmod?: string | undefined;
  readonly link: boolean;
  /** Patterns of --exclude; variables in them are not expanded. */
  readonly exclude: readonly string[];
}

export interface CopyInstruction extends Transfer {
  readonly keyword: "copy";
  /** Stage, its index, or image; variables in it are not expanded. */
  readonly from?: string | undefined;
  readonly parents: boolean;
}

export interface AddInstruction extends Transfer {
  readonly keyword: "add";
  readonly checksum?: string | undefined;
  /** Undefined where the flag is absent: archives are unpacked, downloads are not. */
  readonly unpack?: boolean | undefined;
  readonly keepGitDir?: boolean | undefined;
}

/** A command line: words to execute, or a text for the shell. */
export type CommandLine =
  | { readonly form: "exec"; readonly words: readonly string[] }
  | { readonly form: "shell"; readonly line: string };

interface MountBase {
  readonly target?: string | undefined;
  readonly readOnly: boolean;
}

/** Numeric owner and mode of a mount's directory or file. */
interface MountOwner {
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface BindMount extends MountBase {
  readonly type: "bind";
  readonly from?: string | undefined;
  readonly source?: string | undefined;
}

export interface CacheMount extends MountBase, MountOwner {
  readonly type: "cache";
  readonly id?: string | undefined;
  readonly from?: string | undefined;
  readonly source?: string | undefined;
  readonly sharing: "shared" | "private" | "locked";
}

export interface TmpfsMount extends MountBase {
  readonly type: "tmpfs";
  /** Bytes; 0 is no limit. */
  readonly size: number;
}

export interface SecretMount extends MountBase, MountOwner {
  readonly type: "secret";
  readonly id?: string | undefined;
  readonly source?: string | undefined;
  readonly required: boolean;
  /** Variable that receives the value; "" is the default name. */
  readonly env?: string | undefined;
}

export interface SshMount extends MountBase, MountOwner {
  readonly type: "ssh";
  readonly id?: string | undefined;
  readonly source?: string | undefined;
  readonly required: boolean;
}

/** One --mount of RUN, expanded; only `parseRunMount()` creates it. */
export type RunMount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount;

export interface RunInstruction extends InstructionBase {
  readonly keyword: "run";
  /** Undefined for `RUN` without a command. */
  readonly command?: CommandLine | undefined;
  /** Here-documents of the command line; variables in them are the shell's. */
  readonly heredocs: readonly Heredoc[];
  /** Values of --mount, unexpanded; `parseRunMount()` expands and parses one. */
  readonly mounts: readonly string[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  readonly devices: readonly RunDevice[];
}

export interface CmdInstruction extends InstructionBase {
  readonly keyword: "cmd";
  /** Undefined for `CMD` without words. */
  readonly command?: CommandLine | undefined;
}

export interface EntrypointInstruction extends InstructionBase {
  readonly keyword: "entrypoint";
  /** Undefined for `ENTRYPOINT` without words, which clears it. */
  readonly command?: CommandLine | undefined;
}

export interface ShellInstruction extends InstructionBase {
  readonly keyword: "shell";
  readonly words: readonly string[];
}

export interface HealthcheckInstruction extends InstructionBase {
  readonly keyword: "healthcheck";
  /** Undefined for NONE. */
  readonly command?: CommandLine | undefined;
  /** Milliseconds with fractions, all four; 0 is the default. */
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  /** 0 is the default. */
  readonly retries: number;
}

export interface UserInstruction extends InstructionBase {
  readonly keyword: "user";
  readonly user: string;
}

export interface WorkdirInstruction extends InstructionBase {
  readonly keyword: "workdir";
  readonly path: string;
}

export interface ExposeInstruction extends InstructionBase {
  readonly keyword: "expose";
  /** Sorted, as BuildKit does. Each may expand to several (`expandWords()`). */
  readonly ports: readonly string[];
}

export interface VolumeInstruction extends InstructionBase {
  readonly keyword: "volume";
  readonly paths: readonly string[];
}

export interface StopsignalInstruction extends InstructionBase {
  readonly keyword: "stopsignal";
  readonly signal: string;
}

export interface OnbuildInstruction extends InstructionBase {
  readonly keyword: "onbuild";
  /** Text of the trigger as an image configuration records it, with its here-documents. */
  readonly expression: string;
  /** Undefined for a text that is no instruction: the build that uses the image refuses it. */
  readonly trigger?: Exclude<Instruction, OnbuildInstruction> | undefined;
}

export interface MaintainerInstruction extends InstructionBase {
  readonly keyword: "maintainer";
  readonly maintainer: string;
}

/** Every instruction but FROM. */
export type Instruction =
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | CopyInstruction
  | AddInstruction
  | RunInstruction
  | CmdInstruction
  | EntrypointInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | UserInstruction
  | WorkdirInstruction
  | ExposeInstruction
  | VolumeInstruction
  | StopsignalInstruction
  | OnbuildInstruction
  | MaintainerInstruction;
