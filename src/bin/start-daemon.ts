import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { sleep } from "../base/deadline.ts";
import { codeOf, Failure } from "../base/failure.ts";
import { selectErrors } from "../base/log.ts";
import type { GlobalOptions } from "../cli/context.ts";

/** The end of the daemon is reported at once; this limit is for a very busy machine. */
const readyWithinMs = 60_000;
const pollMs = 5;

/**
 * Starts a daemon in a session of its own and waits until it serves. Of many clients at once one starts it, the others
 * wait: the one that creates the file `starting` in the run root. Fails with the daemon's own last words.
 */
export async function startDaemon(options: GlobalOptions): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Failure(
      "not-permitted",
      `tare needs root to start its daemon; run: sudo tare ${process.argv.slice(2).join(" ")}`,
    );
  }
  const socketPath = options.host.slice("unix://".length);
  const runRoot = options.runRoot ?? "/run/tare";
  mkdirSync(runRoot, { recursive: true, mode: 0o700 });
  const marker = join(runRoot, "starting");
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline) {
    if (await isServed(socketPath)) return;
    if (claim(marker)) {
      try {
        return await launch(options, { runRoot, socketPath, deadline });
      } finally {
        rmSync(marker, { force: true });
      }
    }
    await sleep(pollMs);
  }
  throw new Failure(
    "deadline",
    `cannot start the daemon: nothing serves at ${options.host} after ${readyWithinMs / 1000} seconds`,
  );
}

/** True for the one that may start it. A marker of a starter that died is cleared. */
function claim(marker: string): boolean {
  try {
    writeFileSync(marker, String(process.pid), { flag: "wx", mode: 0o600 });
    return true;
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") {
      throw new Failure("not-permitted", `cannot start the daemon: ${String(thrown)}`, { cause: thrown });
    }
  }
  try {
    const pid = Number(readFileSync(marker, "utf8"));
    const fresh = Date.now() - statSync(marker).mtimeMs < 1000;
    if (!fresh && (!Number.isInteger(pid) || pid <= 0 || !isRunning(pid))) rmSync(marker, { force: true });
  } catch {
    // It went away: the next turn tries again.
  }
  return false;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const daemonVariables = [
  "PATH",
  "TARE_WITHOUT",
  "TARE_PREWARM",
  "TARE_FAULT",
  "TARE_REGISTRIES_CONF",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
];
const proxyVariables = ["http_proxy", "https_proxy", "no_proxy"].flatMap((name) => [
  name,
  name.toUpperCase(),
]);

async function launch(
  options: GlobalOptions,
  paths: { runRoot: string; socketPath: string; deadline: number },
): Promise<void> {
  const log = join(paths.runRoot, "daemon.log");
  const output = openSync(log, "a", 0o600);
  const begin = statSync(log).size;
  const runRoot = options.runRoot === undefined ? [] : [`--run-root=${options.runRoot}`];
  const flags = ["--auto-started", `--host=${options.host}`, ...runRoot, ...options.daemonFlags];
  // A clean environment: no variable of the user who happened to run the first command.
  const env = Object.fromEntries(
    [...daemonVariables, ...proxyVariables].flatMap((name) =>
      process.env[name] === undefined ? [] : [[name, process.env[name]]],
    ),
  );
  const child = spawn(process.execPath, ["daemon", ...flags], {
    cwd: "/",
    env,
    detached: true,
    stdio: ["ignore", output, output],
    argv0: "tare",
  });
  closeSync(output);
  let status: number | string | undefined;
  child.on("exit", (code, signal) => {
    status = code ?? signal ?? 1;
  });
  child.on("error", (cause) => {
    status = cause.message;
  });
  child.unref();
  while (Date.now() < paths.deadline) {
    if (await isServed(paths.socketPath)) return;
    if (status !== undefined) {
      const said = selectErrors(readFileSync(log).subarray(begin).toString())
        .trim()
        .split("\n")
        .slice(-5)
        .join("\n");
      throw new Failure("unavailable", `cannot start the daemon: ${said || `it ended with ${status}`}`);
    }
    await sleep(pollMs);
  }
  throw new Failure(
    "deadline",
    `cannot start the daemon: it does not serve after ${readyWithinMs / 1000} seconds; see ${log}`,
  );
}

/** Whether a process accepts connections there. */
export async function isServed(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path: socketPath });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const served = await promise;
  socket.destroy();
  return served;
}
