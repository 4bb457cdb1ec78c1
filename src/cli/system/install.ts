import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../../base/failure.ts";
import type { Call, Command } from "../command.ts";
import { completionScript } from "../completion/scripts.ts";
import { bool, string } from "../flags/kinds.ts";
import { listManPages } from "../install/man-pages.ts";
import { type InstalledFile, listServiceFiles } from "../install/service-files.ts";
import { parseSocketMode } from "../../spec/socket-mode.ts";

interface InstallValues {
  readonly executable: string;
  readonly "no-start": boolean;
  readonly prefix: string;
  readonly root: string;
  readonly "socket-group": string;
  readonly "socket-mode": string;
}

type UninstallValues = Pick<InstallValues, "prefix" | "root">;

const placeFlags = {
  prefix: string("Directory of man pages and completion scripts", { initial: "/usr/local", isFile: true }),
  root: string("Write below this directory, and change nothing else on the machine", { isFile: true }),
} as const;

export const install: Command<InstallValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    ...placeFlags,
    executable: string("Path of the main binary in the service (default: this one)", { isFile: true }),
    "no-start": bool("Do not start the service now"),
    "socket-group": string("Group that may use the socket, which is root access", { initial: "tare" }),
    "socket-mode": string("Permissions of the socket", { initial: "0660" }),
  },
  startsDaemon: false,
  description:
    "Writes the systemd service and socket, the group, man pages and completion scripts, and starts the service. Containers with a restart policy start at boot.",
  examples: [
    "tare system install",
    "tare system install --socket-group wheel",
    "tare system install --root /mnt",
  ],
  async run(call) {
    const { root, "socket-group": group, "socket-mode": mode, "no-start": isStartedLater } = call.values;
    if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(group))
      throw new Failure("invalid", `invalid group name "${group}"`);
    parseSocketMode(mode);
    if (root === "") requireRoot("install the service");
    for (const file of await listFiles(call, call.values)) writeInstalled(root, file);
    if (root !== "") return 0;
    addGroup(group);
    if (!hasSystemd()) {
      call.err(`systemd does not run here: start the daemon at boot with
  ${executableOf(call.values)} --socket-group ${group} daemon
`);
      return 0;
    }
    runProgram("systemd-tmpfiles", ["--create", "tare.conf"]);
    runProgram("systemctl", ["daemon-reload"]);
    runProgram("systemctl", ["enable", "--quiet", "tare.socket", "tare.service"]);
    if (isStartedLater) return 0;
    await stopDaemon(call); // the service takes its socket; containers keep running
    runProgram("systemctl", ["restart", "tare.socket", "tare.service"]);
    call.out("The service runs: systemctl status tare\n");
    return 0;
  },
};

export const uninstall: Command<UninstallValues> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: placeFlags,
  startsDaemon: false,
  description:
    "Stops the service and removes what `system install` wrote. Containers, images, /etc/default/tare and the group stay.",
  async run(call) {
    const { root } = call.values;
    if (root === "") {
      requireRoot("uninstall the service");
      // Those of a distribution's package are not ours. It is no error that they were never enabled.
      if (hasSystemd() && existsSync("/etc/systemd/system/tare.service"))
        spawnSync("systemctl", ["disable", "--quiet", "--now", "tare.socket", "tare.service"]);
    }
    const files = await listFiles(call, {
      ...call.values,
      executable: "",
      "socket-group": "",
      "socket-mode": "",
    });
    for (const { path, isConfiguration } of files) {
      if (isConfiguration !== true) rmSync(join(root, path), { force: true });
    }
    if (root === "" && hasSystemd()) runProgram("systemctl", ["daemon-reload"]);
    return 0;
  },
};

async function listFiles(
  call: Call<unknown>,
  values: Omit<InstallValues, "no-start">,
): Promise<readonly InstalledFile[]> {
  const { prefix } = values;
  const { version } = call.context.build;
  const isPackaged = prefix === "/usr";
  const completions = {
    bash: "bash-completion/completions/tare",
    zsh: isPackaged ? "zsh/vendor-completions/_tare" : "zsh/site-functions/_tare",
    fish: "fish/vendor_completions.d/tare.fish",
  };
  return [
    ...listServiceFiles({
      prefix,
      executable: executableOf(values),
      socketGroup: values["socket-group"],
      socketMode: values["socket-mode"],
    }),
    ...(await listManPages(await call.commands(), { directory: `${prefix}/share/man`, version })),
    ...Object.entries(completions).map(([shell, path]) => ({
      path: `${prefix}/share/${path}`,
      content: completionScript(shell) ?? "",
    })),
  ];
}

function executableOf({ executable }: Pick<InstallValues, "executable">): string {
  return executable === "" ? process.execPath : executable;
}

/** Writes a temporary file, then renames it: a crash leaves no half of a file. */
function writeInstalled(root: string, { path, content, isConfiguration }: InstalledFile): void {
  const target = join(root, path);
  if (isConfiguration === true && existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  const draft = `${target}.tare-new`;
  writeFileSync(draft, content, { mode: 0o644 });
  chmodSync(draft, 0o644);
  renameSync(draft, target);
}

function requireRoot(what: string): void {
  if (process.getuid?.() !== 0)
    throw new Failure("not-permitted", `cannot ${what}: it needs root; run it with sudo`);
}

/** SPEC: sd_booted(3). */
function hasSystemd(): boolean {
  return existsSync("/run/systemd/system");
}

function addGroup(group: string): void {
  if (spawnSync("getent", ["group", group]).status === 0) return;
  runProgram("groupadd", ["--system", group]);
}

function runProgram(program: string, words: readonly string[]): void {
  const { status, error, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status === 0) return;
  const reason = error === undefined ? stderr.trim() || `status ${status}` : error.message;
  throw new Failure("unavailable", `cannot run ${[program, ...words].join(" ")}: ${reason}`);
}

async function stopDaemon(call: Call<unknown>): Promise<void> {
  const { daemonStop } = await import("./daemon-stop.ts");
  await daemonStop.run({ ...call, values: {}, err: () => undefined });
}
