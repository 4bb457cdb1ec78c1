import { describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const advice = "--network host and none work without it";
const lacks = [["nf_tables", `this kernel has no nf_tables (CONFIG_NF_TABLES_INET); ${advice}`]] as const;

describe.skipIf(!isRoot).each(lacks)("a host without %s", (word, sentence) => {
  test("has containers with the host's network and with none; a bridge is refused in one sentence", async () => {
    await using tare = new Installation();
    const env = { TARE_WITHOUT: word };
    await tare.must(["load", "-qi", busyboxArchive()], { env });
    for (const network of ["host", "none"]) {
      const run = ["run", "--rm", "--network", network, "busybox", "echo", "lives"];
      expect(await tare.must(run)).toBe("lives");
    }
    const started = await tare.tare(["run", "--name", "one", "busybox", "true"]);
    expect(started.status).toBe(125);
    expect(started.stderr).toEndWith(`cannot make a network: ${sentence}\n`);
    expect(started.stderr.trimEnd().split("\n")).toHaveLength(1);
    // It is there, as with every start that fails, and is removed as any other.
    expect(await tare.must(["rm", "one"])).toBe("one");
    const made = await tare.tare(["network", "create", "front"]);
    expect(made.status).toBe(1);
    expect(made.stderr).toEndWith(`cannot make a network: ${sentence}\n`);
    expect(made.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(await tare.must(["network", "ls", "--format", "{{.Name}}"])).toBe("bridge\nhost\nnone");
    await tare.must(["system", "settle"]);
    // What nobody has made lacks nothing; the next engine has nothing to say either.
    expect(await tare.must(["daemon", "stop"])).toBe("");
    expect(await tare.must(["run", "--rm", "--network", "none", "busybox", "echo", "on"], { env })).toBe(
      "on",
    );
    expect(tare.daemonLog()).not.toContain("nft");
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
