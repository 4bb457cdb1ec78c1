import { Failure } from "../../base/failure.ts";
import type { GitReference } from "../../spec/git-url.ts";
import { readProgram, runProgram } from "./ended-program.ts";

/** How git(1) reaches repositories in one build. */
export interface GitAccess {
  /** An empty directory for what programs expect in a home directory. */
  readonly home: string;
  /** `Authorization` for a host; undefined: none. */
  readonly authorize?: ((remote: GitReference) => Promise<string | undefined>) | undefined;
  /** The socket of an ssh agent. */
  readonly agentPath?: string | undefined;
  readonly proxyOf?: ((url: URL) => Promise<URL | undefined>) | undefined;
  readonly signal: AbortSignal;
}

const outputBytes = 4 * 1024 * 1024;

/** The standard output of a command of git in a repository. Throws as runProgram(). */
export async function git(
  access: GitAccess,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  return await readProgram("git", { ...(await programOf(access, args, options)), limitBytes: outputBytes });
}

/** The same as it comes. */
export async function* streamGit(
  access: GitAccess,
  args: readonly string[],
  options: GitOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* runProgram("git", await programOf(access, args, options));
}

export interface GitOptions {
  readonly repository?: string | undefined;
  /** The command speaks to it. */
  readonly remote?: GitReference | undefined;
}

async function programOf(
  access: GitAccess,
  args: readonly string[],
  { repository, remote }: GitOptions,
): Promise<Parameters<typeof runProgram>[1]> {
  const config = { ...fixedConfig, ...(await configOf(access, remote)) };
  const entries = Object.entries(config).flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return {
    args: repository === undefined ? args : [`--git-dir=${repository}`, ...args],
    env: {
      ...fixedEnv,
      HOME: access.home,
      XDG_CONFIG_HOME: access.home,
      GIT_SSH_COMMAND: sshCommand(access.home),
      ...(access.agentPath === undefined ? {} : { SSH_AUTH_SOCK: access.agentPath }),
      GIT_CONFIG_COUNT: String(Object.keys(config).length),
      ...Object.fromEntries(entries),
    },
    packageName: "git",
    purpose: "use a git repository",
    signal: access.signal,
  };
}

/** SAFETY: nothing of the host's configuration, no question at a terminal, and no protocol that reads files or runs programs. */
const fixedEnv = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "/bin/false",
  SSH_ASKPASS: "/bin/false",
  GIT_ALLOW_PROTOCOL: "https:http:git:ssh",
  GIT_PROTOCOL_FROM_USER: "0",
  GIT_SSH_VARIANT: "ssh",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_LFS_SKIP_SMUDGE: "1",
  GIT_HTTP_LOW_SPEED_LIMIT: "1",
  GIT_HTTP_LOW_SPEED_TIME: "60",
};

const fixedConfig: Readonly<Record<string, string>> = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.askPass": "/bin/false",
  "credential.helper": "",
  "init.defaultBranch": "master",
  "gc.auto": "0",
  "maintenance.auto": "false",
  // Modes of Docker's: 0644 and 0755.
  "tar.umask": "0022",
  "advice.detachedHead": "false",
};

async function configOf(
  { authorize, proxyOf }: GitAccess,
  remote: GitReference | undefined,
): Promise<Readonly<Record<string, string>>> {
  if (remote === undefined || (remote.transport !== "http" && remote.transport !== "https")) return {};
  const url = new URL(remote.remote);
  const proxy = await proxyOf?.(url);
  const value = basicOf(remote) ?? (await authorize?.(remote));
  if (value !== undefined && /[\r\n\0]/.test(value))
    throw new Failure("invalid", `cannot use the credentials for ${remote.host}: they have a line break`);
  return {
    ...(proxy === undefined ? {} : { "http.proxy": proxy.href }),
    // SAFETY: for that host alone; in the environment, which other users can't read.
    ...(value === undefined ? {} : { [`http.${url.origin}/.extraheader`]: `Authorization: ${value}` }),
  };
}

function basicOf({ credentials }: GitReference): string | undefined {
  if (credentials === undefined) return undefined;
  const text = `${credentials.username}:${credentials.password}`;
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

/** As BuildKit, which asks the host for its key itself: the first key of a host is accepted. */
function sshCommand(home: string): string {
  const options = {
    BatchMode: "yes",
    ConnectTimeout: "30",
    ServerAliveInterval: "15",
    StrictHostKeyChecking: "accept-new",
    UserKnownHostsFile: `${home}/known_hosts`,
    ForwardAgent: "no",
    PermitLocalCommand: "no",
  };
  const words = Object.entries(options).map(([name, value]) => `-o ${name}='${value}'`);
  return `ssh -F none ${words.join(" ")}`;
}
