import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "../../src/linux/files/file-lock.ts";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** Test files run in a network namespace of their own, which has a lock of its own. */
const lockPath = `/run/tare-networks-${statSync("/proc/self/ns/net").ino}.lock`;
const squatter = "squatter0";
const patienceMs = 30_000;
const sleeper = ["busybox", "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"];

/** An interface that has this subnet: its first address, as an engine's bridge does. */
function squat(subnet: string): void {
  const address = subnet.replace(/0\//, "1/");
  for (const words of [
    ["link", "add", squatter, "type", "bridge"],
    ["addr", "add", address, "dev", squatter],
    ["link", "set", squatter, "up"],
  ])
    execFileSync("ip", words);
}

function leave(): void {
  spawnSync("ip", ["link", "delete", squatter]);
}

/** Interfaces and firewall tables of engines. */
function ownThings(): readonly string[] {
  const links = execFileSync("ip", ["-o", "link"])
    .toString()
    .split("\n")
    .flatMap((line) => /^\d+: (t[rspv][^:@]*)/.exec(line)?.[1] ?? []);
  const tables = execFileSync("nft", ["list", "tables"])
    .toString()
    .split("\n")
    .filter((line) => line.includes("tare-"));
  return [...links, ...tables];
}

describe.skipIf(!isRoot)("subnets of networks", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterEach(leave);
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const subnetOf = async (network: string): Promise<string> => {
    const format = "{{range .IPAM.Config}}{{.Subnet}}{{end}}";
    return (await tare.must(["network", "inspect", "--format", format, network])).trim();
  };
  const daemonPid = (): string => readFileSync(join(tare.dataRoot, "lock"), "latin1").trim();
  /** The command returns when nothing is served any longer, which is a little earlier. */
  const stopDaemon = async (): Promise<void> => {
    const pid = daemonPid();
    await tare.must(["daemon", "stop"]);
    const isGone = (): true | undefined => (existsSync(`/proc/${pid}`) ? undefined : true);
    await poll(isGone, { timeoutMs: patienceMs, what: "see the daemon end" });
  };
  const daemonHoldsLockFile = (): boolean => {
    const pid = daemonPid();
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === lockPath;
      } catch {
        return false; // closed meanwhile
      }
    });
  };

  test("the default bridge moves to a free subnet when the host has its own elsewhere by then", async () => {
    await tare.must(["run", "--rm", "busybox", "true"]);
    const before = await subnetOf("bridge");
    await tare.must(["daemon", "stop"]);
    squat(before);
    const serves = "echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp";
    const flags = ["-d", "--name", "web", "-p", "18090:80"];
    await tare.must(["run", ...flags, "busybox", "sh", "-c", serves]);
    const after = await subnetOf("bridge");
    expect(after).not.toBe(before);
    const address = (
      await tare.must(["inspect", "--format", "{{.NetworkSettings.IPAddress}}", "web"])
    ).trim();
    expect(address.split(".", 2)).toEqual(after.split(".", 2));
    for (const url of [`http://${address}/`, "http://127.0.0.1:18090/"]) {
      const text = await poll(
        async () =>
          await fetch(url)
            .then(async (reply) => await reply.text())
            .catch(() => undefined),
        { timeoutMs: patienceMs, everyMs: 20, what: `be served at ${url}` },
      );
      expect(text).toBe("served\n");
    }
    expect(await tare.must(["system", "check"])).not.toMatch(/network|interface|firewall/);
    await tare.must(["rm", "-f", "web"]);
    leave();
  });

  test("the subnet is looked at under the lock that all engines share", async () => {
    const before = await subnetOf("bridge");
    await tare.must(["daemon", "stop"]);
    await tare.must(["version"]);
    const fd = openSync(lockPath, "w", 0o600);
    try {
      await poll(() => (tryLock(fd, "exclusive") ? true : undefined), {
        timeoutMs: patienceMs,
        what: "lock",
      });
      const running = tare.must(["run", "--rm", "busybox", "true"]);
      await poll(() => (daemonHoldsLockFile() ? true : undefined), {
        timeoutMs: patienceMs,
        what: "see the daemon wait for the lock",
      });
      squat(before);
      closeSync(fd);
      await running;
    } finally {
      leave();
    }
    expect(await subnetOf("bridge")).not.toBe(before);
  });

  test("a subnet that was asked for stays: one sentence names the interface, and it works when that is gone", async () => {
    await tare.must(["network", "create", "--subnet", "10.31.80.0/24", "asked"]);
    await tare.must(["daemon", "stop"]);
    squat("10.31.80.0/24");
    const refused = await tare.refused(["run", "--rm", "--network", "asked", "busybox", "true"]);
    expect(refused).toContain(
      `its subnet 10.31.80.0/24 overlaps with 10.31.80.0/24 of the interface ${squatter}`,
    );
    leave();
    await tare.must(["run", "--rm", "--network", "asked", "busybox", "true"]);
    expect(await subnetOf("asked")).toBe("10.31.80.0/24");
    await tare.must(["network", "rm", "asked"]);
  });

  test("a network with a running container does not move: one sentence names the interface", async () => {
    await tare.must(["network", "create", "busy"]);
    const before = await subnetOf("busy");
    const id = (await tare.must(["network", "inspect", "--format", "{{.Id}}", "busy"])).trim();
    await tare.must(["run", "-d", "--name", "stays", "--network", "busy", ...sleeper]);
    killDaemon(tare);
    execFileSync("ip", ["link", "delete", `tr-${id.slice(0, 12)}`]);
    squat(before);
    const refused = await tare.refused(["run", "--rm", "--network", "busy", "busybox", "true"]);
    expect(refused).toContain(`of the interface ${squatter}`);
    expect(await subnetOf("busy")).toBe(before);
    leave();
    await tare.must(["run", "--rm", "--network", "busy", "busybox", "true"]);
    await tare.must(["rm", "-f", "stays"]);
    await tare.must(["network", "rm", "busy"]);
  });

  test("an engine that stops without containers leaves no interface and no firewall table", async () => {
    await tare.must(["network", "create", "one"]);
    await tare.must(["network", "create", "--opt", "bypass_bridge=true", "two"]);
    await tare.must(["run", "-d", "--name", "stays", "--network", "two", ...sleeper]);
    await tare.must(["run", "--rm", "busybox", "true"]);
    await stopDaemon();
    expect(ownThings()).not.toEqual([]); // a container runs
    await tare.must(["rm", "-f", "stays"]);
    await stopDaemon();
    expect(ownThings()).toEqual([]);
    for (const network of ["one", "two", "bridge"])
      await tare.must(["run", "--rm", "--network", network, "busybox", "true"]);
    expect(await tare.must(["system", "check"])).not.toMatch(/network|interface|firewall/);
    await tare.must(["network", "rm", "one", "two"]);
  });
});
