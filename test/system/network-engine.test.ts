/** What networks do through the whole engine, beside test/system/networks.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { busyboxArchive } from "../support/images.ts";
import { killDaemon } from "../support/fault-run.ts";
import { makeNetworkHost } from "../support/network-host.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const sleeper = ["busybox", "sleep", "1000"];
const server = (text: string, port = 80): readonly string[] => [
  "busybox",
  "sh",
  "-c",
  `mkdir /www; echo ${text} > /www/index.html; exec httpd -f -p ${port} -h /www`,
];

const host = (...words: readonly string[]): string => execFileSync(words[0] ?? "", words.slice(1)).toString();
const links = (): readonly string[] =>
  [...host("ip", "-o", "link").matchAll(/^\d+: ([^:@]+)/gm)].map(([, name]) => name as string).sort();

describe.skipIf(!isRoot)("networks through the engine", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-qi", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const refused = async (...args: readonly string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(args);
    expect(status).not.toBe(0);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    return stderr;
  };
  /** What a container gets from there; "" when nobody answers. */
  const fetch = async (from: string, url: string): Promise<string> =>
    (await tare.tare(["exec", from, "wget", "-qT", "2", "-O-", url])).stdout.trim();
  const fetched = async (from: string, url: string): Promise<string> =>
    await poll(async () => (await fetch(from, url)) || undefined, {
      timeoutMs: 20_000,
      everyMs: 50,
      what: `get ${url}`,
    });
  const hostFetched = async (url: string): Promise<string> =>
    await poll(
      async () => {
        const reply = await globalThis
          .fetch(url, { signal: AbortSignal.timeout(2_000) })
          .catch(() => undefined);
        return (await reply?.text())?.trim() || undefined;
      },
      { timeoutMs: 20_000, everyMs: 50, what: `get ${url}` },
    );
  const isShut = async (url: string): Promise<boolean> =>
    await globalThis.fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      () => false,
      () => true,
    );
  const settled = async (): Promise<void> => {
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  };

  test("a stopped container is connected, disconnected and published, and has it when it starts", async () => {
    await tare.must(["network", "create", "--subnet", "10.94.0.0/24", "first"]);
    await tare.must(["network", "create", "--subnet", "10.94.1.0/24", "second"]);
    await tare.must(["create", "--name", "late", "--network", "first", "-p", "18070:80", ...server("late")]);
    await tare.must(["run", "-d", "--name", "peer", "--network", "second", ...sleeper]);
    await tare.must(["network", "connect", "--ip", "10.94.1.9", "--alias", "web", "second", "late"]);
    await tare.must(["network", "disconnect", "first", "late"]);
    await tare.must(["update", "--publish-add", "18071:80", "--publish-rm", "18070", "late"]);
    expect(await refused("update", "--publish-rm", "18079", "late")).toContain("it is not published");
    expect(await refused("network", "disconnect", "first", "late")).toContain(
      "is not connected to network first",
    );
    // Nothing is there before it starts.
    expect(await isShut("http://127.0.0.1:18071/")).toBe(true);
    await tare.must(["start", "late"]);
    expect(await hostFetched("http://127.0.0.1:18071/")).toBe("late");
    expect(await isShut("http://127.0.0.1:18070/")).toBe(true);
    expect(await tare.must(["port", "late"])).toBe("80/tcp -> 0.0.0.0:18071\n80/tcp -> [::]:18071");
    expect(await fetched("peer", "http://web/")).toBe("late");
    expect(await fetched("peer", "http://10.94.1.9/")).toBe("late");
    const format = "{{range $name, $end := .NetworkSettings.Networks}}{{$name}} {{$end.IPAddress}} {{end}}";
    expect(await tare.must(["inspect", "--format", format, "late"])).toBe("second 10.94.1.9");
    // And again after a stop, as after a start of the engine.
    await tare.must(["stop", "-t", "0", "late"]);
    expect(await isShut("http://127.0.0.1:18071/")).toBe(true);
    await tare.must(["network", "connect", "first", "late"]);
    await tare.must(["update", "--publish-add", "18072:80", "late"]);
    killDaemon(tare);
    await tare.must(["start", "late"]);
    expect(await hostFetched("http://127.0.0.1:18072/")).toBe("late");
    expect(await tare.must(["inspect", "--format", format, "late"])).toMatch(
      /^first 10\.94\.0\.\d+ second 10\.94\.1\.9$/,
    );
    await tare.must(["rm", "-f", "late", "peer"]);
    await settled();
    await tare.must(["network", "rm", "first", "second"]);
  });

  test("inhibit_ipv4: the bridge has no address and the containers have each other", async () => {
    const option = "com.docker.network.bridge.inhibit_ipv4=true";
    await tare.must(["network", "create", "-o", option, "--subnet", "10.95.0.0/24", "quiet"]);
    const bridge = `tr-${(await tare.must(["network", "inspect", "--format", "{{.Id}}", "quiet"])).slice(0, 12)}`;
    await tare.must([
      "run",
      "-d",
      "--name",
      "one",
      "--network",
      "quiet",
      "--ip",
      "10.95.0.7",
      ...server("one"),
    ]);
    await tare.must(["run", "-d", "--name", "two", "--network", "quiet", ...sleeper]);
    expect(await fetched("two", "http://10.95.0.7/")).toBe("one");
    expect(host("ip", "-4", "addr", "show", "dev", bridge)).toBe("");
    expect(await tare.must(["exec", "two", "ip", "route"])).not.toContain("default");
    expect(await isShut("http://10.95.0.7/")).toBe(true);
    await tare.must(["rm", "-f", "one", "two"]);
    await settled();
    await tare.must(["network", "rm", "quiet"]);
  });

  test("macvlan: containers have the link and each other, the host has them not, and nothing stays after a kill", async () => {
    using neighbour = makeNetworkHost();
    const before = links();
    host("ip", "link", "add", "lan7", "type", "veth", "peer", "name", "far7", "netns", String(neighbour.pid));
    try {
      host("ip", "addr", "add", "10.96.0.1/24", "dev", "lan7");
      host("ip", "link", "set", "lan7", "up");
      await neighbour.run("ip", "addr", "add", "10.96.0.2/24", "dev", "far7");
      await neighbour.run("ip", "link", "set", "far7", "up");
      const create = [
        "network",
        "create",
        "-d",
        "macvlan",
        "--subnet",
        "10.96.0.0/24",
        "--gateway",
        "10.96.0.2",
      ];
      expect(await refused(...create, "-o", "parent=nowhere7", "lan")).toContain(
        "its parent interface nowhere7 does not exist",
      );
      await tare.must([...create, "-o", "parent=lan7", "lan"]);
      const run = ["run", "-d", "--network", "lan"];
      await tare.must([...run, "--name", "one", "--ip", "10.96.0.11", ...server("one")]);
      await tare.must([...run, "--name", "two", "--ip", "10.96.0.12", ...sleeper]);
      expect(await fetched("two", "http://10.96.0.11/")).toBe("one");
      expect(await fetched("two", "http://one/")).toBe("one");
      expect(await tare.must(["exec", "two", "ip", "route"])).toContain("default via 10.96.0.2 dev eth0");
      // Who is on the link has it; the host, on whose interface it is, has not: so it is with macvlan.
      expect(await neighbour.run("ping", "-c1", "-W2", "10.96.0.11")).toContain("1 received");
      expect(await isShut("http://10.96.0.11/")).toBe(true);
      killDaemon(tare);
      expect(await fetch("two", "http://10.96.0.11/")).toBe("one");
      await tare.must(["rm", "-f", "one", "two"]);
      await settled();
      await tare.must(["network", "rm", "lan"]);
      expect(host("ip", "-d", "link", "show", "lan7")).not.toContain("tare");
    } finally {
      host("ip", "link", "delete", "lan7");
    }
    await poll(() => (links().every((link) => before.includes(link)) ? true : undefined), {
      timeoutMs: 20_000,
      what: "see all links gone",
    });
  });

  test("who shares another's network is called as it, with its files, through others, too", async () => {
    await tare.must(["network", "create", "shared"]);
    const flags = ["--hostname", "chosen", "--domainname", "example.test", "--add-host", "far:192.0.2.7"];
    await tare.must(["run", "-d", "--name", "owner", "--network", "shared", ...flags, ...sleeper]);
    await tare.must(["run", "-d", "--name", "sharer", "--network", "container:owner", ...sleeper]);
    await tare.must(["run", "-d", "--name", "third", "--network", "container:sharer", ...sleeper]);
    const files = [
      "sh",
      "-c",
      "hostname; echo $HOSTNAME; cat /etc/hostname /etc/hosts /etc/resolv.conf; cat /proc/sys/kernel/domainname",
    ];
    const own = await tare.must(["exec", "owner", ...files]);
    expect(own).toStartWith("chosen\nchosen\nchosen\n");
    for (const text of [
      "192.0.2.7\tfar",
      "chosen.example.test chosen",
      "nameserver 127.0.0.11",
      "\nexample.test",
    ])
      expect(own).toContain(text);
    for (const name of ["sharer", "third"]) {
      expect(await tare.must(["exec", name, ...files])).toBe(own);
      const format =
        "{{.Config.Hostname}} {{.Config.Domainname}} {{.HostnamePath}} {{.HostsPath}} {{.ResolvConfPath}}";
      const seen = await tare.must(["inspect", "--format", format, name]);
      expect(seen).toBe(await tare.must(["inspect", "--format", format, "owner"]));
      expect(await tare.must(["exec", name, "wget", "-qO-", "http://owner/"]).catch(String)).toContain(
        "refused",
      );
    }
    // What changes there, changes here.
    await tare.must(["network", "connect", "bridge", "owner"]);
    expect(await tare.must(["exec", "third", "cat", "/etc/hosts"])).toBe(
      await tare.must(["exec", "owner", "cat", "/etc/hosts"]),
    );
    // A name of its own where it has one by other means.
    const uts = ["--uts", "host", "--network", "container:owner"];
    expect(await tare.must(["run", "--rm", ...uts, "busybox", "hostname"])).toBe(host("hostname").trim());
    await tare.must(["rm", "-f", "third", "sharer", "owner"]);
    await settled();
    await tare.must(["network", "rm", "shared"]);
  });

  test("a port at an address of a family that the container lacks: relayed to IPv4, said to lead nowhere otherwise", async () => {
    const { status, stderr } = await tare.tare([
      "run",
      "-d",
      "--name",
      "four",
      "-p",
      "[::1]:18073:80",
      "-p",
      "18074:80",
      ...server("four"),
    ]);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    expect(await tare.must(["port", "four"])).toBe(
      "80/tcp -> 0.0.0.0:18074\n80/tcp -> [::1]:18073\n80/tcp -> [::]:18074",
    );
    expect(await tare.must(["ps", "--format", "{{.Ports}}"])).toBe(
      "0.0.0.0:18074->80/tcp, :::18074->80/tcp, ::1:18073->80/tcp",
    );
    for (const url of ["http://127.0.0.1:18074/", "http://[::1]:18074/", "http://[::1]:18073/"])
      expect(await hostFetched(url)).toBe("four");
    await tare.must(["rm", "-f", "four"]);
    const six = ["network", "create", "--ipv4=false", "--ipv6", "alone"];
    await tare.must(six);
    const lost = ["run", "-d", "--name", "four", "--network", "alone", "-p", "127.0.0.1:18075:80"];
    expect((await tare.tare([...lost, ...sleeper])).stderr).toContain(
      "port 127.0.0.1:18075/tcp leads nowhere: the container's networks have no IPv4, and nothing is translated to IPv6",
    );
    expect(await refused("update", "--publish-add", "127.0.0.1:18076:80", "four")).toContain(
      "port 127.0.0.1:18076/tcp leads nowhere",
    );
    await tare.must(["network", "create", "--ipv6", "both"]);
    const quiet = await tare.tare([
      "run",
      "-d",
      "--name",
      "six",
      "--network",
      "both",
      "-p",
      "[::1]:18073:80",
      ...server("six", 80),
    ]);
    expect([quiet.status, quiet.stderr]).toEqual([0, ""]);
    expect(await tare.must(["port", "six"])).toBe("80/tcp -> [::1]:18073");
    expect(await hostFetched("http://[::1]:18073/")).toBe("six");
    await tare.must(["rm", "-f", "four", "six"]);
    await settled();
    await tare.must(["network", "rm", "both", "alone"]);
  });

  test("--link gives a name in a network with icc off, and opens nothing there", async () => {
    const option = "com.docker.network.bridge.enable_icc=false";
    await tare.must(["network", "create", "-o", option, "--subnet", "10.97.0.0/24", "apart"]);
    await tare.must(["run", "-d", "--name", "db", "--network", "apart", "--expose", "80", ...server("db")]);
    await tare.must([
      "run",
      "-d",
      "--name",
      "app",
      "--network",
      "apart",
      "--link",
      "db:database",
      ...sleeper,
    ]);
    expect(await tare.must(["exec", "app", "nslookup", "database"])).toContain("10.97.0.");
    expect(await tare.must(["exec", "db", "wget", "-qO-", "http://127.0.0.1/"])).toBe("db");
    expect(await fetch("app", "http://database/")).toBe("");
    await tare.must(["rm", "-f", "db", "app"]);
    await settled();
    await tare.must(["network", "rm", "apart"]);
  });
});
