import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, runTimed } from "../harness/command.ts";
import { findProcesses, startServer } from "../harness/process.ts";
import { idleContainer, removeAll } from "./docker-like.ts";
import type { Bed, Containers, Engine, Missing, StorageChoice } from "./engine.ts";

const programs = ["docker", "dockerd", "containerd", "containerd-shim-runc-v2", "runc"] as const;

/**
 * Debian's Docker with a containerd of its own, without bridge and firewall, unless all of it is in a network of the
 * bench's: nothing of the machine's own Docker is touched.
 */
export async function openDocker(bed: Bed, storage?: StorageChoice): Promise<Engine | Missing> {
  const absent = programs.filter((name) => findProgram(name) === undefined);
  if (absent.length > 0) {
    return {
      name: "docker",
      missing: `not installed (${absent.join(", ")}): apt-get install docker.io docker-cli`,
    };
  }
  await using undo = new AsyncDisposableStack();
  const { owned } = bed;
  const place = (name: string): string => join(storage?.directory ?? owned.directory, name);
  const home = place("docker-home");
  mkdirSync(home);
  const env = { HOME: home, DOCKER_CONFIG: home };
  const containerdSocket = place("containerd.sock");
  const containerd = undo.use(await startContainerd(place, containerdSocket));
  const socketPath = place("docker.sock");
  const host = `unix://${socketPath}`;
  const cgroup = `${owned.directory.split("/").at(-1)}-docker${storage?.driver ?? ""}`;
  owned.addCgroup(cgroup);
  const daemon = [
    "dockerd",
    "--host",
    host,
    "--data-root",
    place("docker-data"),
    "--exec-root",
    place("docker-run"),
    "--pidfile",
    place("docker.pid"),
    "--containerd",
    containerdSocket,
    "--storage-driver",
    storage?.driver ?? "overlay2",
    ...(bed.networks
      ? []
      : ["--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]),
    "--cgroup-parent",
    `/${cgroup}`,
    "--exec-opt",
    "native.cgroupdriver=cgroupfs",
  ];
  const command = (...words: readonly string[]): readonly string[] => ["docker", "-H", host, ...words];
  const server = undo.use(
    await startServer(daemon, {
      log: place("docker.log"),
      env,
      isReady: () => answers(socketPath),
    }),
  );
  const containers: Containers = {
    image: bed.image,
    command,
    runDetached: (more, ...words) => command("run", "-d", "--network", "none", ...more, bed.image, ...words),
    remove: (...ids) => command("rm", "-f", ...ids),
    socketPath,
    serverPids: () => [server.pid, containerd.pid],
    keeperPids: () => shims(containerdSocket),
    settle: async () => {
      const running = runTimed(command("ps", "-q"), { capture: true })
        .stdout.split("\n")
        .filter(Boolean).length;
      while (shims(containerdSocket).length > running) await Bun.sleep(5);
    },
  };
  undo.defer(() => removeAll(containers));
  runTimed(command("load", "-q", "-i", bed.archive));
  const idle = idleContainer(containers);
  const version = runTimed(command("version", "-f", "{{.Server.Version}}"), { capture: true }).stdout.trim();
  const owner = undo.move();
  return {
    name: "docker",
    version,
    runTrue: () => command("run", "--rm", "--network", "none", bed.image, "true"),
    execTrue: () => command("exec", idle, "true"),
    containers,
    [Symbol.asyncDispose]: () => owner.disposeAsync(),
  };
}

async function startContainerd(
  place: (name: string) => string,
  socket: string,
): ReturnType<typeof startServer> {
  const config = place("containerd.toml");
  const lines = [
    "version = 2",
    `root = "${place("containerd-data")}"`,
    `state = "${place("containerd-run")}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    "[grpc]",
    `  address = "${socket}"`,
    "[ttrpc]",
    `  address = "${socket}.ttrpc"`,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  return startServer(["containerd", "--config", config], {
    log: place("containerd.log"),
    isReady: () => Promise.resolve(existsSync(`${socket}.ttrpc`)),
  });
}

async function answers(socketPath: string): Promise<boolean> {
  try {
    return (await fetch("http://docker/_ping", { unix: socketPath })).ok;
  } catch {
    return false;
  }
}

function shims(socket: string): number[] {
  return findProcesses(new RegExp(`^\\S*containerd-shim-runc-v2 .*${RegExp.escape(socket)}`));
}
