import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kindOf } from "../../src/base/failure.ts";
import { CriDaemon } from "../support/cri-client.ts";
import { isRoot } from "../support/tare.ts";

const plugins = "/usr/lib/cni";

describe.skipIf(!isRoot || !existsSync(join(plugins, "bridge")))("pods of the CRI in a CNI network", () => {
  let daemon: CriDaemon;
  let configuration: string;
  const at = (name: string): string => join(daemon.tare.directory, name);
  const taken = (): readonly string[] =>
    existsSync(at("addresses/pods"))
      ? readdirSync(at("addresses/pods")).filter((name) => name.startsWith("10."))
      : [];
  const network = async (): Promise<readonly [boolean, string]> => {
    const { status } = await daemon.runtime("Status", {});
    const condition = status?.conditions.find(({ type }) => type === "NetworkReady");
    return [condition?.status ?? false, condition?.reason ?? ""];
  };

  beforeAll(async () => {
    daemon = new CriDaemon();
    mkdirSync(at("net.d"));
    configuration = at("net.d/10-pods.conflist");
    await daemon.start({}, [`--cni-conf-dir=${at("net.d")}`, `--cni-bin-dir=${plugins}`]);
    await daemon.loadBusybox();
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    spawnSync("ip", ["link", "del", "cni-cri0"]);
  });

  test("Status reports the engine's bridge, a file that cannot be used, and the network", async () => {
    expect(await network()).toEqual([true, "EngineBridge"]);
    writeFileSync(configuration, "{}");
    expect(await network()).toEqual([false, "NetworkPluginNotReady"]);
    const refused = daemon.runPod();
    expect(kindOf(await refused.catch((thrown: unknown) => thrown))).toBe("unavailable");
    expect((await daemon.runtime("ListPodSandbox", {})).items).toEqual([]);
    writeFileSync(
      configuration,
      JSON.stringify({
        cniVersion: "1.0.0",
        name: "pods",
        plugins: [
          {
            type: "bridge",
            bridge: "cni-cri0",
            isGateway: true,
            ipam: {
              type: "host-local",
              dataDir: at("addresses"),
              ranges: [[{ subnet: "10.88.9.0/24" }]],
              routes: [{ dst: "0.0.0.0/0" }],
            },
          },
        ],
      }),
    );
    expect(await network()).toEqual([true, ""]);
  });

  test("a pod gets its address from the plugins, keeps it over restarts, and gives it back", async () => {
    const pod = await daemon.runPod({
      dns_config: { servers: ["10.10.10.10"], searches: [], options: [] },
    });
    const id = await daemon.runContainer(pod, { command: ["sleep", "1000"] });
    const addressOf = async (): Promise<string> => {
      const { status } = await daemon.runtime("PodSandboxStatus", { pod_sandbox_id: pod });
      return status?.network?.ip ?? "";
    };
    const address = await addressOf();
    expect(address).toStartWith("10.88.9.");
    expect(await daemon.exec(id, "ip", "address", "show", "eth0")).toContain(`${address}/24`);
    expect(await daemon.exec(id, "cat", "/etc/resolv.conf")).toContain("nameserver 10.10.10.10");
    expect(await daemon.exec(id, "ping", "-c", "1", "-W", "5", "10.88.9.1")).toContain("1 packets received");
    await daemon.stop("SIGKILL");
    await daemon.start({}, [`--cni-conf-dir=${at("net.d")}`, `--cni-bin-dir=${plugins}`]);
    expect(await addressOf()).toBe(address);
    expect(taken()).toEqual([address]);
    await daemon.runtime("StopPodSandbox", { pod_sandbox_id: pod });
    expect(taken()).toEqual([]);
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: pod });
    expect(readdirSync(join(daemon.tare.dataRoot, "cni"))).toEqual([]);
  });

  test("a pod of the node's network is not attached", async () => {
    const pod = await daemon.runPod({ linux: { security_context: { namespace_options: { network: 2 } } } });
    expect(taken()).toEqual([]);
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: pod });
  });

  test("without its configuration, a pod is still detached with the one that attached it", async () => {
    const pod = await daemon.runPod();
    expect(taken()).toHaveLength(1);
    rmSync(configuration);
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: pod });
    expect(taken()).toEqual([]);
    expect(await network()).toEqual([true, "EngineBridge"]);
  });
});
