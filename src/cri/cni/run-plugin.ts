import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { canceled } from "../../base/deadline.ts";
import { Failure } from "../../base/failure.ts";
import { errorOfPlugin } from "./network-config.ts";

export type PluginCommand = "ADD" | "DEL" | "CHECK" | "STATUS" | "GC" | "VERSION";

/** The pod and the interface that a command is for. */
export interface Attachment {
  readonly containerId: string;
  readonly interfaceName: string;
  /** A path of its network namespace; absent: it is gone. */
  readonly namespacePath?: string | undefined;
  /** `KEY=value;KEY=value`. */
  readonly args: string;
}

const timeoutMs = 120_000;
const mostOutputBytes = 1024 * 1024;

/**
 * Runs one plugin and gives what it has answered. Throws "unsupported" when its program is nowhere, "deadline" after two
 * minutes, "unavailable" with the plugin's own words when it fails (`details.code` is CNI's code).
 */
export async function runPlugin(
  type: string,
  command: PluginCommand,
  {
    input,
    binaryDirectories,
    attachment,
    signal,
  }: {
    readonly input: string;
    readonly binaryDirectories: readonly string[];
    readonly attachment?: Attachment | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<string> {
  const program = await findPlugin(type, binaryDirectories);
  const child = spawn(program, [], {
    stdio: ["pipe", "pipe", "pipe"],
    // SAFETY: nothing of the daemon's environment.
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      CNI_COMMAND: command,
      CNI_PATH: binaryDirectories.join(":"),
      ...(attachment === undefined
        ? {}
        : {
            CNI_CONTAINERID: attachment.containerId,
            CNI_IFNAME: attachment.interfaceName,
            CNI_NETNS: attachment.namespacePath ?? "",
            CNI_ARGS: attachment.args,
          }),
    },
    // With what it has started, it ends as one.
    detached: true,
  });
  return await new Promise((resolve, reject) => {
    const outputs = { stdout: "", stderr: "" };
    let failure: Failure | undefined;
    const end = (reason: Failure): void => {
      failure ??= reason;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    const doing = `cannot run the network plugin "${type}" (${command})`;
    const timer = setTimeout(
      () => end(new Failure("deadline", `${doing}: it has not ended within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    const onAbort = (): void => {
      if (signal !== undefined) end(canceled(signal, `run the network plugin "${type}"`));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8");
      child[name].on("data", (piece: string) => {
        outputs[name] += piece;
        if (outputs[name].length > mostOutputBytes)
          end(new Failure("unavailable", `${doing}: it answers more than ${mostOutputBytes} bytes`));
      });
    }
    child.stdin.on("error", () => {}); // it does not read
    child.stdin.end(input);
    child.on("error", (error) => (failure ??= new Failure("unavailable", `${doing}: ${error.message}`)));
    child.on("close", (code, killedBy) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      if (failure !== undefined) reject(failure);
      else if (code === 0) resolve(outputs.stdout);
      else {
        const { code: number, message } = errorOfPlugin(outputs.stdout);
        const words =
          message ?? lastLine(outputs.stderr) ?? `it has ended with ${killedBy ?? `status ${code}`}`;
        const details = number === undefined ? {} : { details: { code: String(number) } };
        reject(new Failure("unavailable", `${doing}: ${words}`, details));
      }
    });
  });
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split("\n").at(-1) || undefined;
}

/** The path of a plugin's program. Throws "unsupported" when no directory has it. */
export async function findPlugin(type: string, directories: readonly string[]): Promise<string> {
  for (const directory of directories) {
    const path = join(directory, type);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw new Failure(
    "unsupported",
    `cannot run the network plugin "${type}": it is in none of ${directories.join(", ")}: install the CNI plugins, or set --cni-bin-dir`,
  );
}
