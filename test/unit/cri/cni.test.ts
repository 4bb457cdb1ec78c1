import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniNetworks, type CniPod } from "../../../src/cri/cni/cni-networks.ts";
import { errorOfPlugin, parseNetworkConfig, pluginInput } from "../../../src/cri/cni/network-config.ts";
import { runtimeConfigOf } from "../../../src/cri/cni/runtime-config.ts";

const pod: CniPod = {
  id: "0123456789abcdef",
  namespacePath: "/proc/1/ns/net",
  namespace: "default",
  name: "web",
  uid: "u1",
  runtimeConfig: {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    dns: { servers: ["1.1.1.1"] },
  },
};

describe("files of networks", () => {
  test("a list and a single plugin are read; the newest known version is taken", () => {
    const list = parseNetworkConfig(
      '{"cniVersion":"1.0.0","cniVersions":["1.0.0","1.1.0","9.0.0"],"name":"n","disableCheck":"true","plugins":[{"type":"a"},{"type":"b","capabilities":{"portMappings":true,"dns":false}}]}',
      "f",
    );
    expect(list).toMatchObject({
      name: "n",
      cniVersion: "1.1.0",
      disablesCheck: true,
      disablesGarbageCollection: false,
    });
    expect(list.plugins.map(({ type }) => type)).toEqual(["a", "b"]);
    expect(
      parseNetworkConfig('{"cniVersion":"0.3.1","name":"n","type":"a","x":1}', "f").plugins[0]?.fields,
    ).toMatchObject({ x: 1 });
  });

  test.each([
    ["{", "JSON"],
    ["[]", "it is no object"],
    ['{"cniVersion":"1.0.0","plugins":[{"type":"a"}]}', "no name"],
    ['{"cniVersion":"1.0.0","name":"../x","plugins":[{"type":"a"}]}', "no name"],
    ['{"cniVersion":"1.0.0","name":"n"}', "it has no plugins"],
    ['{"cniVersion":"1.0.0","name":"n","plugins":[]}', "it has no plugins"],
    ['{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"../../bin/sh"}]}', "has no type"],
    ['{"cniVersion":"0.1.0","name":"n","plugins":[{"type":"a"}]}', "(0.1.0) is not known"],
    ['{"name":"n","plugins":[{"type":"a"}]}', "cniVersion is absent"],
  ])("%s is refused: %s", (text, why) => {
    expect(() => parseNetworkConfig(text, "/etc/x.conf")).toThrow(why);
    expect(() => parseNetworkConfig(text, "/etc/x.conf")).toThrow("/etc/x.conf");
  });

  test("a plugin gets what it is able to use, and its own fields", () => {
    const { plugins } = parseNetworkConfig(
      '{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"a","x":{"y":1},"capabilities":{"dns":true,"portMappings":false}}]}',
      "f",
    );
    const [plugin] = plugins;
    if (plugin === undefined) throw new Error("no plugin");
    const input = pluginInput({ name: "n", cniVersion: "1.0.0" }, plugin, {
      runtimeConfig: pod.runtimeConfig,
      prevResult: { ips: [] },
    });
    expect(JSON.parse(input)).toEqual({
      type: "a",
      x: { y: 1 },
      name: "n",
      cniVersion: "1.0.0",
      runtimeConfig: { dns: { servers: ["1.1.1.1"] } },
      prevResult: { ips: [] },
    });
  });

  test.each([
    ['{"code":11,"msg":"try again","details":"busy"}', { code: 11, message: "try again; busy" }],
    ['{"msg":""}', {}],
    ["plain", {}],
  ])("the error %s", (text, found) => {
    expect(errorOfPlugin(text)).toEqual(found);
  });

  test("a sandbox's ports, bandwidth and names become capabilities", () => {
    expect(
      runtimeConfigOf({
        ports: [
          { containerPort: 80, hostPort: 8080 },
          { containerPort: 81 },
          { containerPort: 53, hostPort: 53, protocol: "udp", hostAddress: "10.0.0.1" },
        ],
        annotations: { "kubernetes.io/egress-bandwidth": "1M", "kubernetes.io/ingress-bandwidth": "fast" },
        dns: { servers: ["10.0.0.10"], searches: [], options: [] },
      }),
    ).toEqual({
      portMappings: [
        { hostPort: 8080, containerPort: 80, protocol: "tcp" },
        { hostPort: 53, containerPort: 53, protocol: "udp", hostIP: "10.0.0.1" },
      ],
      bandwidth: { egressRate: 1_000_000, egressBurst: 4_294_967_295 },
      dns: { servers: ["10.0.0.10"], searches: [], options: [] },
      "io.kubernetes.cri.pod-annotations": {
        "kubernetes.io/egress-bandwidth": "1M",
        "kubernetes.io/ingress-bandwidth": "fast",
      },
    });
  });
});

/** Writes what it was asked to `calls`, and does as the file `behavior` says. */
const plugin = `#!/bin/sh
dir=\${0%/*}
name=\${0##*/}
input=$(cat)
printf '%s %s %s %s %s\\n' "$CNI_COMMAND" "$name" "$CNI_CONTAINERID" "$CNI_NETNS" "$input" >> "$dir/calls"
env | grep -v '^CNI_' | cut -d= -f1 | sort > "$dir/env"
[ -f "$dir/$name.$CNI_COMMAND" ] && . "$dir/$name.$CNI_COMMAND"
[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.2/24"},{"address":"fd00::2/64"}],"by":"'$name'"}'
exit 0
`;

describe("plugins", () => {
  let root: string;
  let networks: CniNetworks;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "tare-cni-"));
    mkdirSync(join(root, "net.d"));
    mkdirSync(join(root, "bin"));
    for (const name of ["one", "two"]) {
      writeFileSync(join(root, "bin", name), plugin);
      chmodSync(join(root, "bin", name), 0o755);
    }
    configure();
    networks = new CniNetworks({
      configDirectory: join(root, "net.d"),
      binaryDirectories: [join(root, "absent"), join(root, "bin")],
      stateDirectory: join(root, "state"),
    });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function configure(more: object = {}): void {
    const plugins = [{ type: "one", capabilities: { portMappings: true } }, { type: "two" }];
    writeFileSync(
      join(root, "net.d/10.conflist"),
      JSON.stringify({ cniVersion: "1.1.0", name: "n", plugins, ...more }),
    );
  }

  function behave(name: string, script: string): void {
    writeFileSync(join(root, "bin", name), script);
  }

  function calls(): readonly string[] {
    if (!existsSync(join(root, "bin/calls"))) return [];
    return readFileSync(join(root, "bin/calls"), "utf8").trimEnd().split("\n");
  }

  const verbs = (): readonly string[] => calls().map((line) => line.split(" ").slice(0, 2).join(" "));

  test("are run in their order, undone in the other, each with the answer before it", async () => {
    expect(await networks.attach(pod)).toEqual(["10.9.0.2", "fd00::2"]);
    expect(networks.addresses(pod.id)).toEqual(["10.9.0.2", "fd00::2"]);
    expect(verbs()).toEqual(["ADD one", "ADD two"]);
    expect(calls()[0]).toContain('"runtimeConfig":{"portMappings"');
    expect(calls()[1]).toContain('"prevResult":{"cniVersion":"1.1.0","ips"');
    expect(calls()[0]).toContain("0123456789abcdef /proc/1/ns/net");
    // Of the shell's own, and no more.
    const environment = readFileSync(join(root, "bin/env"), "utf8").split("\n");
    expect(environment.filter((each) => !["", "PATH", "PWD", "_", "SHLVL", "OLDPWD"].includes(each))).toEqual(
      [],
    );
    await networks.check(pod);
    // The configuration may have changed by now.
    rmSync(join(root, "net.d/10.conflist"));
    await networks.detach({ id: pod.id });
    expect(verbs().slice(2)).toEqual(["CHECK one", "CHECK two", "DEL two", "DEL one"]);
    expect(calls().at(-1)).toContain('"by":"two"');
    await networks.detach({ id: pod.id });
    expect(verbs().length).toBe(6);
    expect(networks.addresses(pod.id)).toEqual([]);
  });

  test("one that fails gives its words, and all are undone", async () => {
    behave("two.ADD", `echo '{"code":11,"msg":"no address is free"}'; exit 1`);
    await expect(networks.attach(pod)).rejects.toThrow(
      'cannot run the network plugin "two" (ADD): no address is free',
    );
    expect(verbs()).toEqual(["ADD one", "ADD two", "DEL two", "DEL one"]);
    await networks.detach({ id: pod.id });
    expect(verbs().length).toBe(4);
  });

  test("what cannot be undone is tried again when the pod is detached", async () => {
    await networks.attach(pod);
    behave("one.DEL", "echo broken >&2; exit 3");
    await expect(networks.detach({ id: pod.id })).rejects.toThrow('"one" (DEL): broken');
    expect(verbs().slice(2)).toEqual(["DEL two", "DEL one"]);
    rmSync(join(root, "bin/one.DEL"));
    await networks.detach({ id: pod.id });
    expect(verbs().slice(4)).toEqual(["DEL two", "DEL one"]);
  });

  test("an attachment that was cut by the engine's end is undone with the pods that are gone", async () => {
    await networks.attach(pod);
    const other = { ...pod, id: "fedcba9876543210" };
    await networks.attach(other);
    await networks.collectGarbage((id) => id === other.id);
    expect(verbs().slice(4)).toEqual(["DEL two", "DEL one", "GC one", "GC two"]);
    expect(calls().at(-1)).toContain(
      '"cni.dev/valid-attachments":[{"containerID":"fedcba9876543210","ifname":"eth0"}]',
    );
  });

  test("a plugin that is not installed, answers garbage or too much is one sentence", async () => {
    behave("two.ADD", "echo not JSON; exit 0");
    await expect(networks.attach(pod)).rejects.toThrow('"two" has answered: it is no JSON');
    behave("two.ADD", "yes | head -c 3000000; exit 0");
    await expect(networks.attach(pod)).rejects.toThrow("it answers more than");
    rmSync(join(root, "bin/two"));
    await expect(networks.attach(pod)).rejects.toThrow("it is in none of");
    expect(await networks.findFault()).toContain("it is in none of");
    await networks.detach({ id: pod.id });
  });

  test("a request that is given up ends the plugin with all it has started", async () => {
    behave("one.ADD", `sleep 100 & echo $! > ${root}/sleeper; wait`);
    const stop = new AbortController();
    const attaching = networks.attach(pod, stop.signal);
    while (!existsSync(join(root, "sleeper"))) await Bun.sleep(5);
    stop.abort();
    await expect(attaching).rejects.toThrow("canceled");
    const sleeper = readFileSync(join(root, "sleeper"), "utf8").trim();
    while (existsSync(`/proc/${sleeper}`) && !/\) Z /.test(readFileSync(`/proc/${sleeper}/stat`, "utf8")))
      await Bun.sleep(5);
  });

  test("the status says why no pod can be attached", async () => {
    expect(await networks.findFault()).toBeUndefined();
    behave("two.STATUS", `echo '{"code":50,"msg":"the agent is not ready"}'; exit 1`);
    expect(await networks.findFault()).toContain("the agent is not ready");
    configure({ cniVersion: "1.0.0" });
    expect(await networks.findFault()).toBeUndefined();
    // The first file that can be used is taken, by name.
    writeFileSync(join(root, "net.d/00-broken.conf"), "{");
    expect(await networks.findFault()).toBeUndefined();
    rmSync(join(root, "net.d/10.conflist"));
    expect(await networks.findFault()).toContain("00-broken.conf");
    rmSync(join(root, "net.d"), { recursive: true });
    expect(await networks.findFault()).toContain("no network configuration is in");
    await expect(networks.attach(pod)).rejects.toThrow("no network configuration is in");
  });

  test("a name cannot bring in further arguments", async () => {
    await expect(networks.attach({ ...pod, name: "a;K8S_POD_NAMESPACE=kube-system" })).rejects.toThrow(
      "contains",
    );
    expect(calls()).toEqual([]);
  });
});
