import { mkdirSync, writeFileSync } from "node:fs";
import { findProgram, runTimed } from "../harness/command.ts";
import { findProcesses } from "../harness/process.ts";
import { idleContainer, removeAll } from "./docker-like.ts";
import type { Bed, Containers, Engine, Missing } from "./engine.ts";

/** Podman on roots of its own with runc, because crun refuses some machines' hybrid cgroups. */
export async function openPodman(bed: Bed): Promise<Engine | Missing> {
  const absent = ["podman", "conmon", "runc"].filter((name) => findProgram(name) === undefined);
  if (absent.length > 0) {
    return { name: "podman", missing: `not installed (${absent.join(", ")}): apt-get install podman runc` };
  }
  await using undo = new AsyncDisposableStack();
  const { owned } = bed;
  const runtimeDirectory = owned.path("podman-run");
  mkdirSync(runtimeDirectory);
  const settings = owned.path("containers.conf");
  // File locks: the shared ones would be the machine's.
  writeFileSync(settings, '[engine]\nlock_type = "file"\n');
  const cgroup = `${owned.directory.split("/").at(-1)}-podman`;
  owned.addCgroup(cgroup);
  const flags = [
    "--root",
    owned.path("podman-data"),
    "--runroot",
    runtimeDirectory,
    "--tmpdir",
    owned.path("podman-tmp"),
    "--runtime",
    "runc",
    "--cgroup-manager",
    "cgroupfs",
    "--events-backend",
    "file",
    "--storage-driver",
    "overlay",
  ];
  const command = (...words: readonly string[]): readonly string[] => [
    "env",
    `CONTAINERS_CONF=${settings}`,
    `HOME=${runtimeDirectory}`,
    "podman",
    ...flags,
    ...words,
  ];
  const runFlags = ["--network", "none", "--cgroup-parent", `/${cgroup}`, "--log-driver", "k8s-file"];
  const loaded = runTimed(command("load", "-q", "-i", bed.archive), { capture: true }).stdout;
  const image = /Loaded image: (\S+)/.exec(loaded)?.[1] ?? bed.image;
  const monitors = (): number[] => findProcesses(new RegExp(`conmon .*${RegExp.escape(owned.directory)}`));
  const containers: Containers = {
    image,
    command,
    runDetached: (more, ...words) => command("run", "-d", ...runFlags, ...more, image, ...words),
    // Docker and Tare kill; podman would grant ten seconds.
    remove: (...ids) => command("rm", "-f", "-t", "0", ...ids),
    registryFlags: ["--tls-verify=false"],
    serverPids: () => [],
    keeperPids: monitors,
    settle: async () => {
      const running = runTimed(command("ps", "-q"), { capture: true })
        .stdout.split("\n")
        .filter(Boolean).length;
      while (monitors().length > running) await Bun.sleep(5);
    },
  };
  undo.defer(() => removeAll(containers));
  const idle = idleContainer(containers);
  const version = runTimed(["podman", "--version"], { capture: true }).stdout.trim().split(" ").at(-1) ?? "";
  const owner = undo.move();
  return {
    name: "podman",
    version: `${version}, runc`,
    runTrue: () => command("run", "--rm", ...runFlags, image, "true"),
    execTrue: () => command("exec", idle, "true"),
    containers,
    [Symbol.asyncDispose]: () => owner.disposeAsync(),
  };
}
