import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("sysctl", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const onHost = (name: string): string => readFileSync(`/proc/sys/${name}`, "utf8").trim();
  const read = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max";
  const refused = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(["run", "--rm", ...args, "busybox", "true"]);
    expect(status).toBe(125);
    return stderr;
  };

  test("--sysctl sets parameters of the container's own namespaces, and none of the host's", async () => {
    const names = ["net/ipv4/ip_forward", "kernel/msgmax", "fs/mqueue/msg_max"];
    // A bridge network lets the host pass packets on, once.
    await tare.must(["run", "--rm", "busybox", "true"]);
    const before = names.map(onHost);
    const flags = ["net.ipv4.ip_forward=1", "kernel.msgmax=9000", "fs.mqueue.msg_max=17"];
    const said = await tare.must([
      "run",
      "--rm",
      ...flags.flatMap((flag) => ["--sysctl", flag]),
      "busybox",
      "sh",
      "-c",
      read,
    ]);
    expect(said).toBe("1\n9000\n17");
    expect(names.map(onHost)).toEqual(before);
    expect(
      await tare.must([
        "run",
        "--rm",
        "--sysctl",
        "net/ipv4/conf/lo/rp_filter=2",
        "busybox",
        "cat",
        "/proc/sys/net/ipv4/conf/lo/rp_filter",
      ]),
    ).toBe("2");
  });

  test("a container with a network of its own may ping and listen everywhere without rights; inspect shows what was asked", async () => {
    const script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range";
    expect(await tare.must(["run", "--rm", "busybox", "sh", "-c", script])).toBe("0\n0\t2147483647");
    const own = ["--sysctl", "net.ipv4.ip_unprivileged_port_start=700"];
    await tare.must(["run", "--name", "ports", ...own, "busybox", "sh", "-c", script]);
    expect(await tare.must(["logs", "ports"])).toContain("700\n");
    expect(await tare.must(["inspect", "--format", "{{json .HostConfig.Sysctls}}", "ports"])).toBe(
      '{"net.ipv4.ip_unprivileged_port_start":"700"}',
    );
    await tare.must(["rm", "ports"]);
  });

  test("a value carries no second key, and a value that the kernel refuses is told with its call", async () => {
    const pattern = onHost("kernel/core_pattern");
    for (const value of [
      "1+kernel.core_pattern=|/evil",
      "1\nkernel.core_pattern=|/evil",
      "1,kernel.core_pattern=|/evil #",
    ]) {
      const said = await refused("--sysctl", `kernel.shm_rmid_forced=${value}`);
      expect(said).toContain("set the sysctl kernel.shm_rmid_forced=1");
    }
    expect(onHost("kernel/core_pattern")).toBe(pattern);
  });

  test("keys of no namespace are refused, by the client and by the API", async () => {
    const client = [
      "kernel.core_pattern=x",
      "kernel.hostname=x",
      "vm.swappiness=1",
      "net",
      "net.=1",
      "net/../kernel/core_pattern=x",
    ];
    for (const text of client) {
      expect(await refused("--sysctl", text)).toContain(`sysctl '${text}' is not allowed`);
    }
    for (const key of [
      "kernel.core_pattern",
      "net.ipv4...kernel.core_pattern",
      "net/../kernel/core_pattern",
      "net.a/b",
      "",
    ]) {
      const reply = await askApi(tare.socket, "POST", "/v1.45/containers/create", {
        Image: "busybox",
        HostConfig: { Sysctls: { [key]: "1" } },
      });
      expect([reply.status, JSON.parse(reply.text)]).toEqual([
        400,
        {
          message: `cannot create the container: sysctl ${JSON.stringify(key)} is not in a separate kernel namespace`,
        },
      ]);
    }
  });

  test("a shared namespace is not touched", async () => {
    expect(await refused("--network", "host", "--sysctl", "net.ipv4.ip_forward=1")).toContain(
      'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
    );
    expect(await refused("--ipc", "host", "--sysctl", "kernel.msgmax=9000")).toContain(
      'sysctl "kernel.msgmax" is not allowed in host ipc namespace',
    );
    await tare.must([
      "run",
      "-d",
      "--name",
      "owner",
      "--sysctl",
      "net.ipv4.ip_unprivileged_port_start=9",
      "busybox",
      "sleep",
      "1000",
    ]);
    expect(await refused("--network", "container:owner", "--sysctl", "net.ipv4.ip_forward=1")).toContain(
      "not allowed in another container's network namespace",
    );
    // Nor are the defaults written into another's.
    expect(
      await tare.must([
        "run",
        "--rm",
        "--network",
        "container:owner",
        "busybox",
        "cat",
        "/proc/sys/net/ipv4/ip_unprivileged_port_start",
      ]),
    ).toBe("9");
    await tare.must(["rm", "-f", "owner"]);
  });
});
