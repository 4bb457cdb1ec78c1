import { expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describeDocker } from "../support/docker-host.ts";

describeDocker("docker-cli with networks and ports", (host) => {
  const refused = async (args: readonly string[]): Promise<string> => {
    const { code, stderr } = await host.docker.run(args);
    expect(code).not.toBe(0);
    return stderr;
  };
  const sleeper = ["busybox", "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"];

  test("network create, ls, inspect, rm, prune", async () => {
    expect(await host.docker.must(["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"])).toBe(
      "bridge bridge local\nhost host local\nnone null local",
    );
    const id = await host.docker.must([
      "network",
      "create",
      "--subnet",
      "10.81.0.0/16",
      "--ip-range",
      "10.81.4.0/24",
      "--gateway",
      "10.81.0.9",
      "--aux-address",
      "printer=10.81.4.1",
      "--label",
      "kind=test",
      "--attachable",
      "--internal",
      "-o",
      "com.docker.network.driver.mtu=1400",
      "lan",
    ]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const [lan] = JSON.parse(await host.docker.must(["network", "inspect", "lan"]));
    expect(lan).toMatchObject({
      Name: "lan",
      Id: id,
      Scope: "local",
      Driver: "bridge",
      EnableIPv6: false,
      IPAM: {
        Driver: "default",
        Config: [
          {
            Subnet: "10.81.0.0/16",
            IPRange: "10.81.4.0/24",
            Gateway: "10.81.0.9",
            AuxiliaryAddresses: { printer: "10.81.4.1" },
          },
        ],
      },
      Internal: true,
      Attachable: true,
      Ingress: false,
      ConfigOnly: false,
      Containers: {},
      Options: { "com.docker.network.driver.mtu": "1400" },
      Labels: { kind: "test" },
    });
    expect(await host.docker.must(["network", "ls", "-q", "--no-trunc", "--filter", "label=kind=test"])).toBe(
      id,
    );
    expect(await host.docker.must(["network", "ls", "-q", "--filter", "type=custom"])).toBe(id.slice(0, 12));
    expect(
      await host.docker.must(["network", "ls", "--filter", "dangling=true", "--format", "{{.Name}}"]),
    ).toBe("lan");
    expect(await host.docker.must(["inspect", "--type", "network", "-f", "{{.Name}}", id.slice(0, 8)])).toBe(
      "lan",
    );
    expect(await host.docker.must(["network", "rm", "lan"])).toBe("lan");
    await host.docker.must(["network", "create", "one"]);
    await host.docker.must(["network", "create", "--label", "keep=1", "two"]);
    expect(await host.docker.must(["network", "prune", "-f", "--filter", "label!=keep"])).toBe(
      "Deleted Networks:\none",
    );
    expect(await host.docker.must(["network", "rm", "two"])).toBe("two");
  });

  test("bad input is one sentence, and nothing is made", async () => {
    const before = await host.docker.must(["network", "ls", "-q"]);
    await host.docker.must(["network", "create", "--subnet", "10.82.0.0/16", "taken"]);
    const sentences: readonly (readonly [readonly string[], string])[] = [
      [["network", "create", "taken"], "network with name taken already exists"],
      [["network", "create", "bridge"], "operation is not permitted on predefined bridge network"],
      [
        ["network", "create", "--subnet", "10.82.7.0/24", "x"],
        "Pool overlaps with other one on this address space",
      ],
      [["network", "create", "-d", "nope", "x"], 'plugin "nope" not found'],
      [["network", "create", "-d", "host", "x"], 'only one instance of "host" network is allowed'],
      [["network", "create", "--subnet", "10.83.0.0/33", "x"], "10.83.0.0/33"],
      [
        ["network", "create", "--subnet", "10.83.0.0/24", "--gateway", "10.84.0.1", "x"],
        "no matching subnet",
      ],
      [
        ["network", "create", "-o", "com.docker.network.driver.mtu=big", "x"],
        "com.docker.network.driver.mtu",
      ],
      [["network", "inspect", "nope"], "network nope not found"],
      [["network", "rm", "nope"], "network nope not found"],
      [["network", "rm", "bridge"], "bridge is a pre-defined network and cannot be removed"],
      [["run", "--rm", "--network", "nope", "busybox"], "network nope not found"],
      [["run", "--ip", "10.1.1.1", "busybox"], "supported on user defined networks only"],
      [["run", "--network", "taken", "--ip", "10.9.0.1", "busybox"], "no configured subnet"],
      [["run", "--network-alias", "a", "busybox"], "only supported for user-defined networks"],
      [["run", "--network", "taken", "--mac-address", "zz", "busybox"], "zz"],
      [["network", "connect", "taken", "nope"], "No such container: nope"],
      [["network", "ls", "--filter", "x=y"], "invalid filter 'x'"],
    ];
    for (const [args, wanted] of sentences)
      expect([args, await refused(args)]).toEqual([args, expect.stringContaining(wanted)]);
    await host.docker.must(["network", "rm", "taken"]);
    expect(await host.docker.must(["network", "ls", "-q"])).toBe(before);
    expect(await host.docker.must(["ps", "-aq"])).toBe("");
  });

  test("all ports in one range: each is named in the request, and they are one entry", async () => {
    const options = { timeoutMs: 120_000 };
    await host.docker.must(
      ["create", "--name", "all", "-p", "1-65535:1-65535/tcp", "busybox", "true"],
      options,
    );
    // The same with the longest address, for two protocols: about 12 MB.
    const address = "127.100.100.100";
    const both = ["tcp", "udp"].flatMap((protocol) => ["-p", `${address}:1-65535:1-65535/${protocol}`]);
    await host.docker.must(["create", "--name", "both", ...both, "busybox", "true"], options);
    await host.tare.must(["daemon", "stop"]);
    const database = new DatabaseSync(join(host.tare.dataRoot, "state.db"));
    database.exec("PRAGMA busy_timeout = 20000"); // until the daemon has left
    const records = database.prepare("SELECT record FROM containers").all() as { record: string }[];
    database.close();
    const ports = Object.fromEntries(
      records.map(({ record }) => {
        const { name, spec } = JSON.parse(record);
        return [name, spec.network.ports];
      }),
    );
    expect(ports).toEqual({
      all: [expect.objectContaining({ containerPort: 1, hostPort: 1, count: 65_535 })],
      both: [
        expect.objectContaining({ protocol: "tcp", count: 65_535, hostAddress: address }),
        expect.objectContaining({ protocol: "udp", count: 65_535, hostAddress: address }),
      ],
    });
    await host.tare.must(["rm", "all", "both"]);
  }, 300_000);

  test("publish: ps, port, inspect, a port that is taken", async () => {
    await host.docker.must([
      "run",
      "-d",
      "--name",
      "web",
      "-p",
      "127.0.0.1:18080:80",
      "-p",
      "18100-18102:100-102/udp",
      "--expose",
      "7000",
      "-p",
      "443",
      ...sleeper,
    ]);
    const random = /^0\.0\.0\.0:(\d+)$/m.exec(await host.docker.must(["port", "web", "443"]))?.[1] ?? "";
    expect(Number(random)).toBeGreaterThan(32_000);
    const both = (outer: string, inner: string): string =>
      `0.0.0.0:${outer}->${inner}, :::${outer}->${inner}`;
    expect(await host.docker.must(["ps", "--format", "{{.Ports}}"])).toBe(
      [
        "7000/tcp",
        "127.0.0.1:18080->80/tcp",
        ...["0", "1", "2"].map((at) => both(`1810${at}`, `10${at}/udp`)),
        both(random, "443/tcp"),
      ].join(", "),
    );
    expect(await host.docker.must(["port", "web", "80"])).toBe("127.0.0.1:18080");
    expect(await host.docker.must(["port", "web", "100/udp"])).toBe("0.0.0.0:18100\n[::]:18100");
    expect((await host.docker.run(["port", "web", "81"])).stderr).toContain(
      "No public port '81' published for web",
    );
    const [web] = JSON.parse(await host.docker.must(["inspect", "web"]));
    expect(web.Config.ExposedPorts).toEqual({
      "80/tcp": {},
      "100/udp": {},
      "101/udp": {},
      "102/udp": {},
      "443/tcp": {},
      "7000/tcp": {},
    });
    expect(web.HostConfig).toMatchObject({
      NetworkMode: "bridge",
      PortBindings: {
        "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "18080" }],
        "443/tcp": [{ HostIp: "", HostPort: "" }],
        "101/udp": [{ HostIp: "", HostPort: "18101" }],
      },
    });
    expect(web.NetworkSettings.Ports).toMatchObject({
      "7000/tcp": null,
      "443/tcp": [
        { HostIp: "0.0.0.0", HostPort: random },
        { HostIp: "::", HostPort: random },
      ],
      "102/udp": [
        { HostIp: "0.0.0.0", HostPort: "18102" },
        { HostIp: "::", HostPort: "18102" },
      ],
    });
    const { bridge } = web.NetworkSettings.Networks;
    expect(bridge.IPAddress).toBe(web.NetworkSettings.IPAddress);
    expect(bridge).toMatchObject({ IPPrefixLen: 16, Aliases: null, DNSNames: null, GlobalIPv6Address: "" });
    expect(bridge.MacAddress).toMatch(/^02:42:ac:/);
    const [network] = JSON.parse(await host.docker.must(["network", "inspect", "bridge"]));
    expect(network.Containers[web.Id]).toEqual({
      Name: "web",
      EndpointID: bridge.EndpointID,
      MacAddress: bridge.MacAddress,
      IPv4Address: `${bridge.IPAddress}/16`,
      IPv6Address: "",
    });
    expect(await host.docker.must(["ps", "-q", "--filter", "publish=18101/udp"])).toBe(web.Id.slice(0, 12));
    expect(await host.docker.must(["ps", "-q", "--filter", "expose=7000"])).toBe(web.Id.slice(0, 12));
    expect(await host.docker.must(["ps", "-q", "--filter", "network=bridge"])).toBe(web.Id.slice(0, 12));
    expect(await host.docker.must(["ps", "-q", "--filter", "network=none"])).toBe("");
    expect(await refused(["run", "--rm", "-p", "127.0.0.1:18080:1", "busybox"])).toContain(
      "port is already allocated",
    );
    await host.docker.must(["stop", "-t", "1", "web"]);
    const [stopped] = JSON.parse(await host.docker.must(["inspect", "web"]));
    expect(stopped.NetworkSettings).toMatchObject({ Ports: {}, IPAddress: "" });
    expect(stopped.NetworkSettings.Networks.bridge).toMatchObject({ EndpointID: "", IPAddress: "" });
    await host.docker.must(["rm", "web"]);
  });

  test("a port on which a program of the host's listens", async () => {
    const listener: Server = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => listener.once("listening", resolve));
    const { port } = listener.address() as { readonly port: number };
    expect(await refused(["run", "--rm", "-p", `${port}:80`, "busybox"])).toContain("address already in use");
    listener.close();
    expect((await host.docker.run(["run", "--rm", "-p", `${port}:80`, "busybox", "true"])).code).toBe(0);
  });

  test("long forms, addresses of one's choice, IPv6, events", async () => {
    await host.docker.must([
      "network",
      "create",
      "--ipv6",
      "--subnet",
      "10.84.0.0/24",
      "--subnet",
      "fd00:84::/64",
      "dual",
    ]);
    await host.docker.must(["network", "create", "--internal", "closed"]);
    const since = String(Math.trunc(Date.now() / 1000) - 1);
    await host.docker.must([
      "run",
      "-d",
      "--name",
      "box",
      "--network",
      "name=dual,alias=a,alias=b,ip=10.84.0.20,ip6=fd00:84::20,mac-address=92:d0:c6:0a:29:33,link-local-ip=169.254.9.9",

      "--add-host",
      "gate:host-gateway",
      "--dns",
      "9.9.9.9",
      "--dns-search",
      "example.com",
      "--dns-option",
      "ndots:2",
      "-p",
      "[::1]:18090:90",
      "-p",
      "18091:91",
      ...sleeper,
    ]);
    await host.docker.must(["network", "connect", "--alias", "c", "closed", "box"]);
    const addresses = await host.docker.must(["exec", "box", "ip", "-o", "addr", "show", "eth0"]);
    expect(addresses).toContain("10.84.0.20/24");
    expect(addresses).toContain("fd00:84::20/64");
    expect(addresses).toContain("169.254.9.9/16");
    expect(await host.docker.must(["exec", "box", "cat", "/sys/class/net/eth0/address"])).toBe(
      "92:d0:c6:0a:29:33",
    );
    expect(await host.docker.must(["exec", "box", "cat", "/etc/hosts"])).toContain("10.84.0.1\tgate");
    expect(await host.docker.must(["exec", "box", "ip", "route"])).toContain(
      "default via 10.84.0.1 dev eth0",
    );
    const [box] = JSON.parse(await host.docker.must(["inspect", "box"]));
    expect(box.HostConfig.NetworkMode).toBe("dual");
    expect(box.NetworkSettings.Networks.dual).toMatchObject({
      IPAMConfig: { IPv4Address: "10.84.0.20", IPv6Address: "fd00:84::20", LinkLocalIPs: ["169.254.9.9"] },
      Aliases: ["a", "b"],
      Gateway: "10.84.0.1",
      IPv6Gateway: "fd00:84::1",
      GlobalIPv6Address: "fd00:84::20",
      GlobalIPv6PrefixLen: 64,
      DNSNames: ["box", "a", "b", box.Id.slice(0, 12)],
    });
    expect(box.NetworkSettings.Networks.closed).toMatchObject({ Aliases: ["c"], Gateway: "" });
    expect(box.NetworkSettings.Ports).toEqual({
      "90/tcp": [{ HostIp: "::1", HostPort: "18090" }],
      "91/tcp": [
        { HostIp: "0.0.0.0", HostPort: "18091" },
        { HostIp: "::", HostPort: "18091" },
      ],
    });
    const stats = JSON.parse(
      await host.docker.must(["stats", "--no-stream", "--format", "{{json .}}", "box"]),
    );
    expect(stats.NetIO).toMatch(/B \/ /);
    await host.docker.must(["rm", "-f", "box"]);
    const until = String(Math.trunc(Date.now() / 1000) + 1);
    const events = await host.docker.must([
      "events",
      "--since",
      since,
      "--until",
      until,
      "--filter",
      "type=network",
      "--format",
      "{{.Action}} {{.Actor.Attributes.name}}",
    ]);
    expect(events.split("\n").slice(-4)).toEqual([
      "connect dual",
      "connect closed",
      "disconnect dual",
      "disconnect closed",
    ]);
    await host.docker.must(["network", "prune", "-f"]);
  });

  test("links of the default bridge: names and variables", async () => {
    await host.docker.must(["run", "-d", "--name", "db", "--expose", "5432", "-e", "SECRET=1", ...sleeper]);
    const out = await host.docker.must([
      "run",
      "--rm",
      "--link",
      "db:store",
      "busybox",
      "sh",
      "-c",
      "cat /etc/hosts; env",
    ]);
    const address = await host.docker.must(["inspect", "-f", "{{.NetworkSettings.IPAddress}}", "db"]);
    expect(out).toMatch(new RegExp(`^${address}\tstore [0-9a-f]{12} db$`, "m"));
    expect(out).toContain(`STORE_PORT_5432_TCP_ADDR=${address}`);
    expect(out).toContain("STORE_ENV_SECRET=1");
    await host.docker.must(["rm", "-f", "db"]);
    expect(await refused(["run", "--rm", "--link", "db", "busybox"])).toContain(
      "could not get container for db",
    );
  });
});
