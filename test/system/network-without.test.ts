import { describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const lack = "this kernel has no nf_tables (CONFIG_NF_TABLES_INET)";

describe.skipIf(!isRoot)("a kernel without nf_tables", () => {
  const env = { TARE_WITHOUT: "nf_tables" };

  test("has containers on the default network, with one warning; ports and other bridges are refused with the reason", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-qi", busyboxArchive()], { env });
    for (const network of ["host", "none"]) {
      const run = ["run", "--rm", "--network", network, "busybox", "echo", "lives"];
      expect(await tare.must(run)).toBe("lives");
    }
    const serve = "mkdir /www; echo hi > /www/index.html; exec httpd -f -h /www";
    const started = await tare.tare(["run", "-d", "--name", "one", "busybox", "sh", "-c", serve]);
    expect(started.status).toBe(0);
    expect(started.stderr.match(/has no nf_tables/g)).toHaveLength(1);
    expect(started.stderr).toContain("no port can be published");
    // It is reached by its neighbors and by this host.
    const address = await tare.must([
      "inspect",
      "--format",
      "{{.NetworkSettings.Networks.bridge.IPAddress}}",
      "one",
    ]);
    const ask = async (): Promise<string | undefined> => {
      const { stdout } = await tare.tare(["run", "--rm", "busybox", "wget", "-qO-", `http://${address}/`]);
      return stdout.trim() === "" ? undefined : stdout.trim();
    };
    const answer = { timeoutMs: 30_000, what: "read from a container" };
    expect(await poll(ask, answer)).toBe("hi");
    const published = await tare.tare(["run", "--rm", "-p", "18083:80", "busybox", "true"]);
    expect(published.status).toBe(125);
    expect(published.stderr).toContain(`cannot publish ports: ${lack}`);
    const made = await tare.tare(["network", "create", "front"]);
    expect(made.status).toBe(1);
    expect(made.stderr).toContain(`cannot make a network: ${lack}`);
    expect(made.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(await tare.must(["network", "ls", "--format", "{{.Name}}"])).toBe("bridge\nhost\nnone");
    // The next engine finds the container again.
    expect(await tare.must(["daemon", "stop"])).toBe("");
    expect(await tare.must(["ps", "--format", "{{.Names}}"], { env })).toBe("one");
    expect(await poll(ask, answer)).toBe("hi");
    await tare.must(["rm", "-f", "one"]);
    await tare.must(["system", "settle"]);
  });
});

test.skipIf(!isRoot)(
  "networks that were made before the host lost its firewall are findings, and work on after",
  async () => {
    await using tare = new Installation();
    await tare.must(["load", "-qi", busyboxArchive()]);
    await tare.must(["network", "create", "front"]);
    await tare.must(["daemon", "stop"]);
    const env = { TARE_WITHOUT: "nf_tables" };
    expect(await tare.must(["run", "--rm", "--network", "host", "busybox", "echo", "on"], { env })).toBe(
      "on",
    );
    const check = await tare.tare(["system", "check"]);
    expect(check.status).not.toBe(0);
    expect(`${check.stdout}${check.stderr}`).toContain("this kernel has no nf_tables");
    await tare.must(["daemon", "stop"]);
    expect(await tare.must(["run", "--rm", "--network", "front", "busybox", "echo", "again"])).toBe("again");
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    await tare.must(["network", "rm", "front"]);
  },
);
