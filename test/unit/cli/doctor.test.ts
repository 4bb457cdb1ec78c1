import { describe, expect, test } from "bun:test";
import type { HostFinding } from "../../../src/model/host-check.ts";
import { runCommandLine } from "./command-line.ts";

const overlay: HostFinding = {
  group: "kernel",
  check: "overlay",
  status: "ok",
  found: "loaded",
  fix: [],
};
const forwarding: HostFinding = {
  group: "firewall",
  check: "ip_forward",
  status: "warning",
  found: "off",
  affects: "containers reach no other host",
  fix: ["sysctl -w net.ipv4.ip_forward=1"],
};
const cgroups: HostFinding = {
  group: "cgroup",
  check: "version",
  status: "missing",
  found: "no hierarchy is mounted",
  affects: "limits",
  fix: ["mkdir -p /sys/fs/cgroup", "mount -t cgroup2 none /sys/fs/cgroup"],
};

describe("doctor", () => {
  test("prints groups, and for what is not in order what it affects and the commands that fix it", async () => {
    const { out, status, connections } = await runCommandLine(["doctor"], {
      findings: [overlay, cgroups, forwarding],
    });
    expect(out).toBe(`kernel
  ok       overlay     loaded

cgroup
  missing  version     no hierarchy is mounted
           affects: limits
           fix: mkdir -p /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup

firewall
  warning  ip_forward  off
           affects: containers reach no other host
           fix: sysctl -w net.ipv4.ip_forward=1

1 missing, 1 warning.
`);
    expect(status).toBe(1);
    expect(connections).toEqual([]);
  });

  test("exits with 0 when nothing is missing, as system doctor too", async () => {
    const { out, status } = await runCommandLine(["system", "doctor", "--quiet"], {
      findings: [overlay, forwarding],
    });
    expect(out).toMatch(/^firewall\n {2}warning {2}ip_forward[^]*\n\nNothing is missing, 1 warning\.\n$/);
    expect(out).not.toContain("overlay");
    expect(status).toBe(0);
  });

  test("prints one JSON object for each finding, or what a template says", async () => {
    const findings = [overlay, forwarding];
    const { out, status } = await runCommandLine(["doctor", "--format", "json"], { findings });
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { Group: "kernel", Check: "overlay", Status: "ok", Found: "loaded", Affects: "", Fix: [] },
      {
        Group: "firewall",
        Check: "ip_forward",
        Status: "warning",
        Found: "off",
        Affects: "containers reach no other host",
        Fix: ["sysctl -w net.ipv4.ip_forward=1"],
      },
    ]);
    expect(status).toBe(0);
    const format = "{{.Status}} {{.Check}}{{range .Fix}} [{{.}}]{{end}}";
    expect((await runCommandLine(["doctor", "--format", format], { findings: [cgroups] })).out).toBe(
      "missing version [mkdir -p /sys/fs/cgroup] [mount -t cgroup2 none /sys/fs/cgroup]\n",
    );
  });

  test("shows no control characters of a host's files", async () => {
    const findings = [{ ...overlay, found: "\u001b[31mred" }];
    expect((await runCommandLine(["doctor"], { findings })).out).not.toContain("\u001b");
  });

  test("and system check refer to each other", async () => {
    for (const [command, other] of [
      ["doctor", "tare system check"],
      ["system check", "tare doctor"],
    ] as const) {
      const { out } = await runCommandLine([...command.split(" "), "--help"]);
      expect(out.replaceAll(/\s+/g, " ")).toContain(other);
    }
  });
});
