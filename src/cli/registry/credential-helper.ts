import { isRecord } from "../../base/is-record.ts";
import { spawn } from "node:child_process";
import { Failure, sentenceOf } from "../../base/failure.ts";

export interface HelperSecret {
  readonly username: string;
  readonly secret: string;
}

const longest = 1024 * 1024;

/**
 * Runs `docker-credential-NAME`: `get` and `erase` read the server's name from standard input, `store` a JSON object.
 * Undefined when the helper has no entry. SPEC: docker-credential-helpers, "Development"
 */
export async function askHelper(
  name: string,
  verb: "get" | "store" | "erase",
  input: string,
): Promise<HelperSecret | undefined> {
  checkName(name);
  const program = `docker-credential-${name}`;
  const { status, stdout } = await run(program, [verb], input);
  if (status !== 0) {
    // Erasing missing credentials succeeds, too.
    if (verb !== "store" && /credentials not found/i.test(stdout)) return undefined;
    throw new Failure(
      "unavailable",
      `cannot ask ${program}: ${stdout.trim().split("\n")[0] || `it ended with status ${status}`}`,
    );
  }
  if (verb !== "get") return undefined;
  try {
    const given: unknown = JSON.parse(stdout);
    const { Username: username, Secret: secret } = isRecord(given) ? given : {};
    if (typeof username !== "string" || typeof secret !== "string")
      throw new Error("it gave no name and secret");
    return { username, secret };
  } catch (thrown) {
    throw new Failure("corrupt", `cannot ask ${program}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
}

/** The servers in a helper's store, with the users' names. */
export async function listHelper(name: string): Promise<Readonly<Record<string, string>>> {
  checkName(name);
  const program = `docker-credential-${name}`;
  const { status, stdout } = await run(program, ["list"], "");
  try {
    if (status !== 0) throw new Error(stdout.trim().split("\n")[0] || `it ended with status ${status}`);
    const known: unknown = JSON.parse(stdout);
    if (!isRecord(known)) throw new Error("it gave no object");
    return Object.fromEntries(Object.entries(known).map(([server, user]) => [server, String(user)]));
  } catch (thrown) {
    throw new Failure("unavailable", `cannot ask ${program}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
}

function checkName(name: string): void {
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    throw new Failure("invalid", `cannot use the credential helper "${name}": invalid name`);
}

/** Debian has two of them. */
function packageOf(program: string): string {
  const isPackaged = /^docker-credential-(pass|secretservice)$/.test(program);
  return isPackaged ? ' (Debian\'s package "golang-docker-credential-helpers")' : "";
}

async function run(
  program: string,
  args: readonly string[],
  input: string,
): Promise<{ readonly status: number; readonly stdout: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; stdout: string }>();
  const child = spawn(program, [...args], { stdio: ["pipe", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    stdout += piece;
    if (stdout.length > longest) child.kill("SIGKILL");
  });
  child.stdin.on("error", () => {}); // it may not read
  child.stdin.end(input);
  child.on("error", (thrown) => {
    const isMissing = "code" in thrown && thrown.code === "ENOENT";
    const detail = isMissing ? `executable file not found in $PATH${packageOf(program)}` : thrown.message;
    reject(new Failure("unavailable", `cannot ask ${program}: ${detail}`, { cause: thrown }));
  });
  child.on("close", (status) => resolve({ status: status ?? 1, stdout }));
  return await promise;
}
