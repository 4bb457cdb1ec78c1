import type { Location, RunInstruction } from "../dockerfile/dockerfile-types.ts";
import { failureAt } from "../dockerfile/parse-failure.ts";
import { parseRunMount } from "../dockerfile/parse-mount.ts";
import type { RunMountOperation, Vertex } from "./graph-types.ts";
import { absolutePath, wordsOf } from "./image-changes.ts";

/** SPEC: BuildKit gives the program the path of the first agent, unless it has one. */
export function withAgent(env: readonly string[], mounts: readonly RunMountOperation[]): readonly string[] {
  const agent = mounts.find((mount) => mount.type === "ssh");
  if (agent === undefined || env.some((entry) => entry.startsWith("SSH_AUTH_SOCK="))) return env;
  return [...env, `SSH_AUTH_SOCK=${agent.target}`];
}

/** What RUN executes. A here-document alone is a script: the shell's, or of the interpreter in its first line. */
export function commandOf(
  { command, heredocs }: RunInstruction,
  shell: readonly string[] | undefined,
  location: Location,
): { readonly words: readonly string[]; readonly scripts: ReadonlyMap<string, string> } {
  const scripts = new Map<string, string>();
  const [first] = heredocs;
  const line = command?.form === "shell" ? command.line : "";
  if (
    first !== undefined &&
    command?.form === "shell" &&
    /^\d*<<-?\s*(?:"[^"]*"|'[^']*'|\S+)$/.test(line.trim())
  ) {
    const content = first.chomp ? first.content.replaceAll(/^\t+/gm, "") : first.content;
    if (content.startsWith("#!")) {
      const path = `/dev/pipes/${first.name}`;
      scripts.set(path, content);
      return { words: wordsOf({ form: "shell", line: path }, shell), scripts };
    }
    return { words: wordsOf({ form: "shell", line: content }, shell), scripts };
  }
  if (command === undefined) throw failureAt("RUN requires a command", location);
  if (heredocs.length === 0 || command.form === "exec") return { words: wordsOf(command, shell), scripts };
  const whole = heredocs.reduce((text, { name, content }) => `${text}\n${content}${name}`, line);
  return { words: wordsOf({ form: "shell", line: whole }, shell), scripts };
}

/** What a mount of RUN refers to. */
export interface MountScope {
  readonly expand: (word: string) => string;
  readonly workingDirectory: string;
  readonly mainContext: Vertex;
  /** A stage, a context or an image. */
  readonly findSource: (name: string) => Promise<Vertex | undefined>;
  /** Mounts of ssh agents before it. */
  readonly agents: number;
}

/** What a mount of RUN (`type=…,…`) mounts in a step. Throws "invalid". */
export async function runMountOf(
  text: string,
  { expand, workingDirectory, mainContext, findSource, agents }: MountScope,
): Promise<RunMountOperation> {
  const mount = parseRunMount(text, expand);
  const absolute = (path: string): string => absolutePath(path, workingDirectory);
  const from = async (named: string | undefined): Promise<Vertex | undefined> =>
    named === undefined ? undefined : await findSource(named);
  const { type } = mount;
  switch (type) {
    case "bind":
      return {
        type,
        target: absolute(mount.target ?? ""),
        from: mount.from === undefined ? mainContext : await from(mount.from),
        source: absolutePath(mount.source ?? "/", "/"),
        readOnly: mount.readOnly,
      };
    case "cache":
      return {
        type,
        target: absolute(mount.target ?? ""),
        id: mount.id ?? absolute(mount.target ?? ""),
        sharing: mount.sharing,
        from: await from(mount.from),
        source: absolutePath(mount.source ?? "/", "/"),
        readOnly: mount.readOnly,
        mode: mount.mode ?? 0o755,
        uid: mount.uid ?? 0,
        gid: mount.gid ?? 0,
      };
    case "tmpfs":
      return { type, target: absolute(mount.target ?? ""), sizeBytes: mount.size };
    case "secret": {
      const id = mount.id ?? mount.source ?? (mount.target ?? "").split("/").at(-1) ?? "";
      const isFile = mount.target !== undefined || mount.env === undefined;
      return {
        type,
        id,
        target: isFile ? absolute(mount.target ?? `/run/secrets/${id}`) : undefined,
        env: mount.env === "" ? id : mount.env,
        required: mount.required,
        mode: mount.mode ?? 0o400,
        uid: mount.uid ?? 0,
        gid: mount.gid ?? 0,
      };
    }
    case "ssh":
      return {
        type,
        id: mount.id ?? mount.source ?? "default",
        target: absolute(mount.target ?? `/run/buildkit/ssh_agent.${agents}`),
        required: mount.required,
        mode: mount.mode ?? 0o600,
        uid: mount.uid ?? 0,
        gid: mount.gid ?? 0,
      };
    default:
      return mount satisfies never;
  }
}
