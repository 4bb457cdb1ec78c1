import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { get } from "node:http";
import { busyboxArchive } from "../support/images.ts";
import { killDaemon } from "../support/fault-run.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const sleeper = ["busybox", "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"];
const server = ["busybox", "sh", "-c", "echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp"];

function links(): readonly string[] {
  return execFileSync("ip", ["-o", "link"])
    .toString()
    .split("\n")
    .flatMap((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? [])
    .sort();
}

/** What a GET of the port answers; "" when nobody does. */
async function ask(port: number, host = "127.0.0.1"): Promise<string> {
  return await new Promise((resolve) => {
    const request = get({ host, port, timeout: 2_000, agent: false }, (reply) => {
      let text = "";
      reply.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      reply.on("end", () => resolve(text.trim()));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(""));
  });
}

async function served(port: number, host?: string): Promise<string> {
  return await poll(async () => (await ask(port, host)) || undefined, {
    timeoutMs: 20_000,
    everyMs: 30,
    what: `be served at port ${port}`,
  });
}

describe.skipIf(!isRoot)("networks", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const refused = async (args: readonly string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(args);
    expect(status).not.toBe(0);
    return stderr;
  };
  const inspect = async (name: string, format: string): Promise<string> =>
    await tare.must(["inspect", "--format", format, name]);

  test("a container is in the default bridge unless it says otherwise", async () => {
    const out = await tare.must([
      "run",
      "--rm",
      "busybox",
      "sh",
      "-c",
      "ip -o addr show eth0; ip route; cat /etc/hosts",
    ]);
    const address = /inet (172\.\d+\.0\.2)\/16/.exec(out)?.[1];
    expect(address).toBeDefined();
    expect(out).toContain(`default via ${address?.replace(/2$/, "1")} dev eth0`);
    expect(out).toMatch(new RegExp(`^${address}\t[0-9a-f]{12}$`, "m"));
    expect(await tare.must(["run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net"])).toBe(
      "lo",
    );
    expect(
      await tare.must(["run", "--rm", "--network", "host", "busybox", "ls", "/sys/class/net"]),
    ).toContain("tr-");
  });

  test("kernel parameters of its interface are set, and those that interfaces begin with change none", async () => {
    const parameters = ["net.ipv4.conf.eth0.log_martians=1", "net.ipv4.conf.default.rp_filter=2"];
    const asked = parameters.flatMap((parameter) => ["--sysctl", parameter]);
    const read = [
      "cat",
      "/proc/sys/net/ipv4/conf/eth0/log_martians",
      "/proc/sys/net/ipv4/conf/eth0/rp_filter",
    ];
    const plain = await tare.must(["run", "--rm", "busybox", ...read]);
    expect(await tare.must(["run", "--rm", ...asked, "busybox", ...read])).toBe(`1\n${plain.split("\n")[1]}`);
  });

  test("containers of one network reach each other, those of another don't", async () => {
    await tare.must(["network", "create", "--subnet", "10.90.0.0/24", "left"]);
    await tare.must(["network", "create", "--subnet", "10.90.1.0/24", "right"]);
    await tare.must(["run", "-d", "--name", "server", "--network", "left", "--ip", "10.90.0.7", ...server]);
    const fetch = ["wget", "-qT", "2", "-O-", "http://10.90.0.7/"];
    const within = async (network: string): Promise<string> =>
      (await tare.tare(["run", "--rm", "--network", network, "busybox", ...fetch])).stdout;
    await poll(async () => ((await within("left")) === "served\n" ? true : undefined), {
      timeoutMs: 20_000,
      what: "reach the server",
    });
    expect(await within("right")).toBe("");
    await tare.must(["run", "-d", "--name", "both", "--network", "right", ...sleeper]);
    await tare.must(["network", "connect", "--alias", "second", "left", "both"]);
    expect(await tare.must(["exec", "both", ...fetch])).toBe("served");
    expect(await tare.must(["exec", "both", "cat", "/etc/hosts"])).toMatch(/^10\.90\.0\.\d+\t/m);
    expect(await inspect("both", "{{range $name, $end := .NetworkSettings.Networks}}{{$name}} {{end}}")).toBe(
      "left right",
    );
    await tare.must(["network", "disconnect", "left", "both"]);
    expect((await tare.tare(["exec", "both", ...fetch])).stdout).toBe("");
    expect(await tare.must(["exec", "both", "cat", "/etc/hosts"])).not.toMatch(/^10\.90\.0\./m);
    expect(await refused(["network", "rm", "left"])).toContain("network left has active endpoints");
    expect(await refused(["network", "disconnect", "left", "both"])).toContain(
      "is not connected to network left",
    );
    expect(await refused(["network", "connect", "left", "server"])).toContain(
      "already exists in network left",
    );
    await tare.must(["rm", "-f", "server", "both"]);
    await tare.must(["system", "settle"]);
    expect(await tare.must(["network", "rm", "left", "right"])).toBe("left\nright");
  });

  test("names: a host name that was given, and an alias of a link in any case", async () => {
    await tare.must(["network", "create", "names"]);
    await tare.must(["run", "-d", "--name", "db", "--network", "names", "--hostname", "Store", ...sleeper]);
    const address = await inspect("db", "{{.NetworkSettings.Networks.names.IPAddress}}");
    const lookup = async (name: string, ...more: readonly string[]): Promise<string> =>
      (
        await tare.tare([
          "run",
          "--rm",
          "--network",
          "names",
          ...more,
          "busybox",
          "nslookup",
          "-type=a",
          name,
        ])
      ).stdout;
    for (const name of ["store", "Store", "store.names"])
      expect(await lookup(name)).toContain(`Address: ${address}`);
    for (const name of ["DataBase", "database"])
      expect(await lookup(name, "--link", "db:DataBase")).toContain(`Address: ${address}`);
    expect(await lookup("stores")).not.toContain(address);
    // Docker's clients send links in both places.
    const link = ["db:DataBase"];
    const created = await tare.tare([
      "create",
      "--name",
      "linked",
      "--network",
      "names",
      "--link",
      "db:DataBase",
      "busybox",
    ]);
    expect(created.status).toBe(0);
    expect(JSON.parse(await inspect("linked", "{{json .NetworkSettings.Networks.names.Links}}"))).toEqual(
      link,
    );
    expect(JSON.parse(await inspect("db", "{{json .NetworkSettings.Networks.names.DNSNames}}"))).toContain(
      "Store",
    );
    await tare.must(["rm", "-f", "db", "linked"]);
    await tare.must(["system", "settle"]);
    await tare.must(["network", "rm", "names"]);
  });

  test("a stopped container is connected to its own network once more without an error, as by dockerd", async () => {
    await tare.must(["network", "create", "again"]);
    await tare.must([
      "create",
      "--name",
      "stopped",
      "--network",
      "again",
      "--network-alias",
      "first",
      ...sleeper,
    ]);
    await tare.must(["network", "connect", "--alias", "second", "again", "stopped"]);
    expect(JSON.parse(await inspect("stopped", "{{json .NetworkSettings.Networks.again.Aliases}}"))).toEqual([
      "first",
    ]);
    await tare.must(["start", "stopped"]);
    expect(await refused(["network", "connect", "again", "stopped"])).toContain(
      "already exists in network again",
    );
    await tare.must(["rm", "-f", "stopped"]);
    await tare.must(["system", "settle"]);
    await tare.must(["network", "rm", "again"]);
  });

  test("published ports: live changes, ports that are taken, what ps says", async () => {
    await tare.must(["run", "-d", "--name", "web", "-p", "18080:80", ...server]);
    expect(await served(18_080)).toBe("served");
    expect(await refused(["run", "--rm", "-p", "18080:80", "busybox", "true"])).toContain(
      'port is already allocated: container "web" has it',
    );
    await tare.must(["update", "--publish-add", "127.0.0.1:18081:80", "web"]);
    expect(await served(18_081)).toBe("served");
    expect(await tare.must(["port", "web"])).toBe(
      "80/tcp -> 0.0.0.0:18080\n80/tcp -> 127.0.0.1:18081\n80/tcp -> [::]:18080",
    );
    expect(await refused(["update", "--publish-add", "18090:80", "--publish-rm", "18099", "web"])).toContain(
      'cannot take port 18099 from container "web": it is not published',
    );
    await tare.must(["update", "--publish-rm", "18080", "web"]);
    expect(await ask(18_080)).toBe("");
    expect(await ask(18_081)).toBe("served");
    expect(await tare.must(["ps", "--format", "{{.Ports}}", "--filter", "publish=18081"])).toBe(
      "127.0.0.1:18081->80/tcp",
    );
    expect(await tare.must(["ps", "-q", "--filter", "publish=18080"])).toBe("");
    // The container's own port is not published by itself.
    expect(await tare.must(["ps", "-q", "--filter", "publish=80"])).toBe("");
    expect(await tare.must(["ps", "--format", "{{.Names}}", "--filter", "expose=80"])).toBe("web");
    await tare.must(["restart", "-t", "1", "web"]);
    expect(await served(18_081)).toBe("served");
    expect(await ask(18_080)).toBe("");
    // Its own address does not rest.
    const address = await inspect("web", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    for (let round = 0; round < 5; round++) {
      await tare.must(["restart", "-t", "0", "web"]);
      expect(await inspect("web", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")).toBe(address);
    }
    await tare.must(["rm", "-f", "web"]);
    expect(await ask(18_081)).toBe("");
  });

  test("a killed daemon leaves containers their network; the next one knows it", async () => {
    await tare.must(["network", "create", "--subnet", "10.91.0.0/24", "lasting"]);
    await tare.must(["run", "-d", "--name", "lives", "--network", "lasting", "-p", "18085:80", ...server]);
    expect(await served(18_085)).toBe("served");
    killDaemon(tare);
    expect(await ask(18_085)).toBe("served");
    const address = await inspect("lives", "{{.NetworkSettings.Networks.lasting.IPAddress}}");
    expect(address).toBe("10.91.0.2");
    expect(await ask(18_085)).toBe("served");
    // Nobody else gets its address or its port.
    expect(await tare.must(["run", "--rm", "--network", "lasting", "busybox", "hostname", "-i"])).toBe(
      "10.91.0.3",
    );
    expect(await refused(["run", "--rm", "-p", "18085:1", "busybox", "true"])).toContain("already allocated");
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    await tare.must(["rm", "-f", "lives"]);
    await tare.must(["system", "settle"]);
    await tare.must(["network", "rm", "lasting"]);
  });

  test("with a user namespace, another's network, a restart policy", async () => {
    expect(
      await tare.must([
        "run",
        "--rm",
        "--userns",
        "private",
        "busybox",
        "sh",
        "-c",
        "ip -o addr show eth0 | wc -l",
      ]),
    ).toBe("1");
    await tare.must(["run", "-d", "--name", "owner", ...sleeper]);
    const show = ["ip", "-o", "addr", "show", "eth0"];
    const own = await tare.must(["exec", "owner", ...show]);
    expect(await tare.must(["run", "--rm", "--network", "container:owner", "busybox", ...show])).toBe(own);
    for (const [args, wanted] of [
      [["-p", "1:1"], "port publishing and the container type network mode"],
      [["--expose", "1"], "port exposing and the container type network mode"],
      [["--dns", "1.1.1.1"], "dns and the network mode"],
      [["--add-host", "a:1.1.1.1"], "custom host-to-IP mapping and the network mode"],
      [["--hostname", "x"], "hostname and the network mode"],
    ] as const) {
      expect(await refused(["run", "--network", "container:owner", ...args, "busybox"])).toContain(
        `conflicting options: ${wanted}`,
      );
    }
    await tare.must(["rm", "-f", "owner"]);
    await tare.must(["run", "-d", "--name", "again", "--restart", "always", "busybox", "sleep", "0.2"]);
    await poll(async () => (Number(await inspect("again", "{{.RestartCount}}")) > 1 ? true : undefined), {
      timeoutMs: 20_000,
      what: "see it start again",
    });
    await tare.must(["rm", "-f", "again"]);
  });

  test("100 containers and 20 networks at once: no clash, no leak", async () => {
    const before = links();
    const numbers = Array.from({ length: 100 }, (_, at) => at);
    const networks = Array.from({ length: 20 }, (_, at) => `net${at}`);
    await Promise.all(networks.map((name) => tare.must(["network", "create", name])));
    const subnets = await Promise.all(
      networks.map((name) =>
        tare.must(["network", "inspect", "--format", "{{range .IPAM.Config}}{{.Subnet}}{{end}}", name]),
      ),
    );
    expect(new Set(subnets).size).toBe(20);
    const run = async (at: number): Promise<string> => {
      const network = at % 2 === 0 ? "bridge" : `net${at % 20}`;
      await tare.must(["run", "-d", "--name", `c${at}`, "--network", network, "-p", "80", ...sleeper]);
      const format =
        '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} {{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}';
      const found = await inspect(`c${at}`, format);
      if (at % 3 === 0) await tare.must(["rm", "-f", `c${at}`]);
      return at % 3 === 0 ? "" : found;
    };
    const inFlight = numbers.values();
    const found: string[] = [];
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (const at of inFlight) found.push(await run(at));
      }),
    );
    const kept = found.filter((text) => text !== "");
    expect(kept.length).toBe(66);
    expect(new Set(kept.map((text) => text.split(" ")[0])).size).toBe(66);
    expect(new Set(kept.map((text) => text.split(" ")[1])).size).toBe(66);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    const left = numbers.filter((at) => at % 3 !== 0).map((at) => `c${at}`);
    const halves = [left.slice(0, 33), left.slice(33)];
    await Promise.all(halves.map((half) => tare.must(["rm", "-f", ...half])));
    await tare.must(["system", "settle"]);
    await Promise.all(networks.map((name) => tare.must(["network", "rm", name])));
    await poll(() => (links().every((link) => before.includes(link)) ? true : undefined), {
      timeoutMs: 20_000,
      what: "see all links gone",
    });
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });

  test("it is said from where a port can be reached, by the host's firewall and the policy", async () => {
    const host = (...words: readonly string[]): unknown => execFileSync(words[0] ?? "", words.slice(1));
    host("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1");
    host("ip", "address", "add", "192.0.2.1/24", "dev", "lan0");
    host("ip", "link", "set", "lan0", "up");
    host("ip", "link", "set", "lan1", "up");
    host(
      "nft",
      "add table inet own; add chain inet own input { type filter hook input priority 0; policy drop; }",
    );
    try {
      for (const [policy, reach] of [
        ["docker", "from lan0"],
        ["respect-host", "from this host only (blocked by inet own input)"],
      ] as const) {
        await using other = new Installation();
        await other.must(["--publish-policy", policy, "load", "-q", "-i", busyboxArchive()]);
        await other.must([
          "run",
          "-d",
          "--name",
          "web",
          "-p",
          "18080:80",
          "-p",
          "127.0.0.1:18081:81",
          "busybox",
          ...sleeper,
        ]);
        // Bridges of other engines are behind this one's firewall, too.
        const said = (await other.must(["ps", "--format", "{{.Reach}}"])).replaceAll(/tr-\w+, /g, "");
        expect(said).toBe(`18080/tcp ${reach}; 18081/tcp from this host only`);
        // What scripts read stays Docker's.
        expect(await other.must(["port", "web", "80"])).toBe("0.0.0.0:18080\n[::]:18080");
      }
    } finally {
      host("nft", "delete table inet own");
      host("ip", "link", "delete", "lan0");
    }
  });
});
