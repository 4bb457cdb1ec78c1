import { describe, expect, test } from "bun:test";
import type { Pod, PodCreateRequest } from "../../../src/api/types/pod.ts";
import { commands } from "../../../src/cli/commands.ts";
import { findCandidates } from "../../../src/cli/completion/candidates.ts";
import { runCommandLine } from "./command-line.ts";

const pod: Pod = {
  Id: "e".repeat(64),
  Name: "web",
  Created: "2026-01-01T00:00:00Z",
  State: "Running",
  Hostname: "web",
  Labels: { b: "2", a: "1" },
  CreateInfra: true,
  InfraContainerID: "e".repeat(64),
  InfraConfig: {
    PortBindings: {},
    HostNetwork: false,
    Networks: ["lan"],
    HostAdd: [],
    DNSServer: [],
    DNSSearch: [],
    DNSOption: [],
  },
  Limits: {},
  SharedNamespaces: ["net"],
  NumContainers: 1,
  Containers: [{ Id: "e".repeat(64), Name: "infra", State: "running" }],
};

describe("pod create", () => {
  const requestOf = async (...args: readonly string[]): Promise<PodCreateRequest> => {
    let sent: PodCreateRequest = {};
    const create = async (request: PodCreateRequest) => {
      sent = request;
      return { Id: "id", Warnings: ["beware"] };
    };
    const { status, out, err } = await runCommandLine(["pod", "create", ...args], {
      client: { pods: { create } },
    });
    expect([status, out, err]).toEqual([0, "id\n", "WARNING: beware\n"]);
    return sent;
  };

  test("asks for what the flags say", async () => {
    expect(await requestOf()).toEqual({ Labels: {}, Share: ["ipc", "net", "uts"], HostConfig: {} });
    const sent = await requestOf(
      ..."--name web -p 8080:80 --network lan --ip 10.0.0.2 --hostname h --label a=1 --share +pid".split(" "),
      ..."--add-host x:1.2.3.4 --dns 1.1.1.1 --userns private --infra-name i --restart always --no-hosts".split(
        " ",
      ),
    );
    expect(sent).toEqual({
      Name: "web",
      InfraName: "i",
      Hostname: "h",
      Labels: { a: "1" },
      Share: ["ipc", "net", "uts", "pid"],
      ExposedPorts: { "80/tcp": {} },
      NetworkingConfig: { EndpointsConfig: { lan: { IPAMConfig: { IPv4Address: "10.0.0.2" } } } },
      HostConfig: {
        NetworkMode: "lan",
        PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] },
        Dns: ["1.1.1.1"],
        UsernsMode: "private",
        ExtraHosts: ["x:1.2.3.4"],
        RestartPolicy: { Name: "always", MaximumRetryCount: 0 },
        Tare: { NoHosts: true },
      },
    });
    expect((await requestOf("--share", "none", "web")).Share).toEqual([]);
    expect((await requestOf("--share", "net,pid", "web")).Name).toBe("web");
  });
});

describe("pod ls", () => {
  test("shows podman's columns, or those that are asked for", async () => {
    const list = async () => [pod];
    const { out } = await runCommandLine(["pod", "ls"], { client: { pods: { list } } });
    expect(out.split("\n")[0]).toMatch(/^POD ID +NAME +STATUS +CREATED +INFRA ID +# OF CONTAINERS$/);
    expect(out.split("\n")[1]).toMatch(/^eeeeeeeeeeee +web +Running +.* ago +eeeeeeeeeeee +1$/);
    const format = '{{.Labels}} {{.Networks}} {{.ContainerNames}} {{.Label "a"}}';
    const formatted = await runCommandLine(["pod", "ps", "--format", format], { client: { pods: { list } } });
    expect(formatted.out).toBe("a=1,b=2 lan infra 1\n");
  });
});

test("names of pods are completed, for commands and for --pod", async () => {
  expect((await findCandidates(commands, ["pod", "stop", ""])).subject).toBe("pod");
  expect(await findCandidates(commands, ["run", "--pod", ""])).toEqual({
    words: [{ word: "new:" }],
    subject: "pod",
  });
  const list = async () => [pod];
  const { out } = await runCommandLine(["__complete", "--", "run", "--pod", "w"], {
    client: { pods: { list } },
  });
  expect(out).toBe("web\tpod, Running\n");
});
