import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniNetworks } from "../../src/cri/cni/cni-networks.ts";
import { isRoot } from "../support/tare.ts";
import { poll } from "../support/patience.ts";

const plugins = "/usr/lib/cni";
const canRun = isRoot && existsSync(join(plugins, "bridge"));

let root: string;
let networks: CniNetworks;
const pods: ChildProcess[] = [];

/** A process in a network namespace of its own. */
async function makeNamespace(): Promise<string> {
  const child = spawn("unshare", ["--net", "sleep", "120"], { stdio: "ignore" });
  pods.push(child);
  const path = `/proc/${child.pid}/ns/net`;
  const ours = readlinkSync("/proc/self/ns/net");
  const made = (): true | undefined => (readlinkSync(path) === ours ? undefined : true);
  await poll(made, { everyMs: 5, timeoutMs: 20_000, what: "see the network namespace" });
  return path;
}

function within(path: string, ...command: string[]): string {
  return spawnSync("nsenter", [`--net=${path}`, ...command], { encoding: "utf8" }).stdout;
}

beforeAll(() => {
  if (!canRun) return;
  root = mkdtempSync(join(tmpdir(), "tare-cni-plugins-"));
  mkdirSync(join(root, "net.d"));
  writeFileSync(
    join(root, "net.d/10-pods.conflist"),
    JSON.stringify({
      cniVersion: "1.0.0",
      name: "pods",
      plugins: [
        {
          type: "bridge",
          bridge: "cni-test0",
          isGateway: true,
          ipam: {
            type: "host-local",
            dataDir: join(root, "addresses"),
            ranges: [[{ subnet: "10.88.7.0/24" }], [{ subnet: "fd00:88::/64" }]],
            routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
          },
        },
        { type: "tuning", sysctl: { "net.core.somaxconn": "500" } },
      ],
    }),
  );
  networks = new CniNetworks({
    configDirectory: join(root, "net.d"),
    binaryDirectories: [plugins],
    stateDirectory: join(root, "state"),
  });
});

afterAll(() => {
  if (!canRun) return;
  for (const child of pods) child.kill("SIGKILL");
  spawnSync("ip", ["link", "del", "cni-test0"]);
  rmSync(root, { recursive: true });
});

function podOf(id: string, namespacePath: string): Parameters<CniNetworks["attach"]>[0] {
  return { id, namespacePath, namespace: "default", name: `pod-${id}`, uid: id, runtimeConfig: {} };
}

describe.skipIf(!canRun)("CNI plugins of the distribution", () => {
  test("attach a pod to a bridge of both families, find what was changed, and detach it", async () => {
    const path = await makeNamespace();
    const pod = podOf("a1a1a1a1", path);
    expect(await networks.attach(pod)).toEqual(["10.88.7.2", "fd00:88::2"]);
    expect(within(path, "ip", "-brief", "address", "show", "eth0")).toContain("10.88.7.2/24");
    expect(within(path, "ip", "route")).toContain("default via 10.88.7.1");
    await networks.check(pod);
    within(path, "ip", "address", "flush", "dev", "eth0");
    await expect(networks.check(pod)).rejects.toThrow('network plugin "bridge" (CHECK)');
    await networks.detach(pod);
    expect(within(path, "ip", "-brief", "link")).not.toContain("eth0");
    expect(readdirSync(join(root, "addresses/pods")).filter((name) => /^[0-9a-f]*[.:]/.test(name))).toEqual(
      [],
    );
  });

  test("free the addresses of a pod whose namespace is gone", async () => {
    const path = await makeNamespace();
    const pod = podOf("b2b2b2b2", path);
    const [address = "none"] = await networks.attach(pod);
    const taken = (): boolean => readdirSync(join(root, "addresses/pods")).includes(address);
    expect(taken()).toBe(true);
    pods.at(-1)?.kill("SIGKILL");
    await networks.detach({ id: pod.id });
    expect(taken()).toBe(false);
  });

  test("twenty pods at once get addresses of their own", async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => makeNamespace()));
    const ids = made.map((_, index) => (0xc0000000 + index).toString(16));
    const found = await Promise.all(ids.map((id, index) => networks.attach(podOf(id, made[index] ?? ""))));
    expect(new Set(found.map(([four]) => four)).size).toBe(20);
    await Promise.all(ids.map((id, index) => networks.detach({ id, namespacePath: made[index] })));
    expect(readdirSync(join(root, "state"))).toEqual([]);
  });
});
