import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import type { CliContext } from "../context.ts";
import type { SshSource } from "./parse-ssh.ts";

/**
 * The sockets of agents by id. Throws "not-found" for one that is not there, "invalid" without `SSH_AUTH_SOCK`, in
 * BuildKit's words, and "unsupported" for a key.
 */
export async function findAgents(
  sources: readonly SshSource[],
  { env, cwd }: Pick<CliContext, "env" | "cwd">,
): Promise<ReadonlyMap<string, string>> {
  const paths = new Map<string, string>();
  for (const { id, path = env["SSH_AUTH_SOCK"] ?? "" } of sources) {
    if (path === "")
      throw new Failure("invalid", "invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
    const found = resolve(cwd, path);
    await requireSocket(found, path);
    paths.set(id, found);
  }
  return paths;
}

async function requireSocket(path: string, shown: string): Promise<void> {
  let isSocket = false;
  try {
    isSocket = (await stat(path)).isSocket();
  } catch (cause) {
    if (codeOf(cause) === "ENOENT")
      throw new Failure("not-found", `failed to stat ${shown}: stat ${shown}: no such file or directory`);
    throw new Failure("invalid", `cannot use the SSH agent "${shown}": ${sentenceOf(cause)}`, { cause });
  }
  if (isSocket) return;
  throw new Failure(
    "unsupported",
    `cannot forward the key "${shown}": Tare forwards sockets of agents; add the key to one (ssh-add ${shown}) and use --ssh default`,
  );
}
