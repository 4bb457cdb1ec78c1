import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostFinding } from "../../src/api/types/tare.ts";
import { checkHost } from "../../src/mod.ts";
import { Scratch } from "../support/scratch.ts";
import { buildExecutable, executable, Installation, isRoot } from "../support/tare.ts";

let scratch: Scratch;
let words = "";
beforeAll(() => {
  buildExecutable();
  scratch = new Scratch("doctor");
  mkdirSync(scratch.join("data"));
  words = `${executable} --data-root ${scratch.join("data")} --run-root ${scratch.join("run")} doctor`;
});
afterAll(() => scratch[Symbol.dispose]());

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script in namespaces of its own: all that it breaks goes with it. */
function inNamespaces(flags: readonly string[], script: string): Run {
  return spawnSync("unshare", [...flags, "sh", "-ec", script], {
    encoding: "utf8",
    timeout: 60_000,
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  });
}

const parse = (text: string): readonly HostFinding[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as HostFinding);

/**
 * Breaks the host, checks it, does what the finding says, and checks it again: the finding before, and after. Each check
 * prints a line behind its findings, which gives the exit status.
 */
function breakAndFix({
  flags,
  script,
  group,
  check,
  fixes = true,
}: {
  readonly flags: readonly string[];
  readonly script: string;
  readonly group: string;
  readonly check: string;
  readonly fixes?: boolean;
}): { readonly before: HostFinding | undefined; readonly after: HostFinding | undefined; readonly run: Run } {
  const asked = `${words} --format json || true`;
  const fixed = `${words} --format '{{if and (eq .Group "${group}") (eq .Check "${check}")}}{{range .Fix}}{{.}}
{{end}}{{end}}' > ${scratch.join("fix")} || true; sh -e ${scratch.join("fix")} >&2`;
  const run = inNamespaces(flags, `${script}\n${asked}\n${fixes ? `${fixed}\necho =====\n${asked}` : ""}`);
  const [first = "", second = ""] = run.stdout.split("=====\n");
  const find = (text: string): HostFinding | undefined =>
    text === "" ? undefined : parse(text).find((each) => each.Group === group && each.Check === check);
  return { before: find(first), after: find(second), run };
}

describe.skipIf(!isRoot)("tare doctor on a host that is broken", () => {
  test("reports that no cgroups are mounted, with a command that mounts them", () => {
    const { before, after, run } = breakAndFix({
      flags: ["-m"],
      script: "umount -R /sys/fs/cgroup",
      group: "cgroup",
      check: "version",
    });
    expect(run.stderr).toBe("");
    expect(before).toMatchObject({
      Status: "missing",
      Found: "no hierarchy is mounted",
      Fix: ["mkdir -p /sys/fs/cgroup", "mount -t cgroup2 none /sys/fs/cgroup"],
    });
    expect(after).toMatchObject({ Status: "ok", Found: "v2" });
  });

  test("reports cgroups that are mounted read-only, with a command that changes that", () => {
    const { before, after } = breakAndFix({
      flags: ["-m"],
      script:
        "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; mount -o remount,bind,ro /sys/fs/cgroup",
      group: "cgroup",
      check: "delegation",
    });
    expect(before).toMatchObject({ Status: "missing", Fix: ["mount -o remount,rw /sys/fs/cgroup"] });
    expect(after?.Status).toBe("ok");
  });

  test.each([
    ["network", "net"],
    ["mount", "mnt"],
    ["user", "user"],
  ])("reports a limit of %s namespaces, with a command that raises it", (type, file) => {
    const { before, after } = breakAndFix({
      flags: ["-U", "-r"],
      script: `echo 3 > /proc/sys/user/max_${file}_namespaces`,
      group: "kernel",
      check: `${type} namespaces`,
    });
    expect(before).toMatchObject({
      Status: "warning",
      Found: `user.max_${file}_namespaces is 3`,
      Fix: [`sysctl -w user.max_${file}_namespaces=15000`],
    });
    expect(after).toMatchObject({ Status: "ok", Found: "at most 15000" });
  });

  test("reports a user namespace, whose root is not the host's", () => {
    const { before, run } = breakAndFix({
      flags: ["-U", "-r"],
      script: "true",
      group: "kernel",
      check: "privileges",
      fixes: false,
    });
    expect(before?.Status).toBe("missing");
    expect(run.status).toBe(0);
  });

  test("reports a data root in memory and its mount's flags, with a command that changes these", () => {
    const mounted = `mount -t tmpfs -o nosuid,nodev none ${scratch.join("data")}`;
    const { before, after } = breakAndFix({
      flags: ["-m"],
      script: mounted,
      group: "disk",
      check: "mount flags",
    });
    expect(before).toMatchObject({
      Status: "warning",
      Found: "nosuid, nodev",
      Affects: expect.stringContaining("set-user-ID programs in volumes"),
      Fix: [`mount -o remount,suid,dev ${scratch.join("data")}`],
    });
    expect(after).toMatchObject({ Status: "ok" });
    const memory = breakAndFix({
      flags: ["-m"],
      script: mounted,
      group: "disk",
      check: "file system",
      fixes: false,
    });
    expect(memory.before).toMatchObject({ Status: "warning", Found: expect.stringContaining("tmpfs") });
  });

  test("reports a file system without space and inodes", () => {
    const script = `mount -t tmpfs -o size=8m,nr_inodes=100 none ${scratch.join("data")}
      head -c 8m /dev/zero > ${scratch.join("data")}/fill || true
      for i in $(seq 97); do : > ${scratch.join("data")}/$i; done`;
    for (const [check, status] of [
      ["space", /^(?:missing|warning)$/],
      ["inodes", /^(?:missing|warning)$/],
    ] as const) {
      const { before } = breakAndFix({ flags: ["-m"], script, group: "disk", check, fixes: false });
      expect(before?.Status).toMatch(status);
    }
  });

  test("reports that nothing is forwarded, with a command that changes that", () => {
    const { before, after } = breakAndFix({
      flags: ["-n"],
      script: "echo 0 > /proc/sys/net/ipv4/ip_forward",
      group: "firewall",
      check: "ip_forward",
    });
    expect(before).toMatchObject({ Status: "info", Fix: ["sysctl -w net.ipv4.ip_forward=1"] });
    expect(after).toMatchObject({ Status: "ok", Found: "on" });
  });

  const wayOut = `ip link add out type veth peer name far
    ip address add 10.99.0.2/24 dev out
    ip link set out up; ip link set far up
    ip route add default via 10.99.0.1`;

  test("reports a chain that drops what containers send, with commands that let it pass", () => {
    const { before, after, run } = breakAndFix({
      flags: ["-n"],
      script: `${wayOut}
        nft add table ip filter
        nft add chain ip filter FORWARD '{ type filter hook forward priority 0; policy drop; }'`,
      group: "firewall",
      check: "forward chain ip filter FORWARD",
    });
    expect(run.stderr).toBe("");
    expect(before).toMatchObject({
      Status: "warning",
      Fix: [
        `nft insert rule ip filter FORWARD iifname '"tr-*"' accept`,
        `nft insert rule ip filter FORWARD oifname '"tr-*"' accept`,
      ],
    });
    expect(after).toBeUndefined();
    const clean = breakAndFix({
      flags: ["-n"],
      script: wayOut,
      group: "firewall",
      check: "forward chains",
      fixes: false,
    });
    expect(clean.before).toMatchObject({ Status: "ok", Found: "no chain cuts containers off" });
  });

  test("reports name servers on this host only", () => {
    const file = scratch.join("resolv.conf");
    const { before } = breakAndFix({
      flags: ["-m"],
      script: `echo nameserver 127.0.0.1 > ${file}; mount --bind ${file} /etc/resolv.conf`,
      group: "resolver",
      check: "name servers",
      fixes: false,
    });
    expect(before).toMatchObject({ Status: "info", Found: "only on this host: 127.0.0.1" });
  });

  test("exits with 1 when something is missing, and leaves nothing behind", () => {
    const before = ["/run", tmpdir(), "/dev/shm", "/var/tmp"].map((directory) => readdirSync(directory));
    const { status, stdout, stderr } = inNamespaces(["-m"], `umount -R /sys/fs/cgroup; ${words} --quiet`);
    expect(stdout).toMatch(/^ {2}missing {2}version +no hierarchy is mounted$/m);
    expect(stdout).toMatch(/^\d+ missing, \d+ warnings?\.$/m);
    expect(stdout).not.toMatch(/^ {2}(?:ok|info) /m);
    expect([status, stderr]).toEqual([1, ""]);
    expect(existsSync(scratch.join("run"))).toBe(false);
    expect(readdirSync(scratch.join("data"))).toEqual([]);
    const left = ["/run", tmpdir(), "/dev/shm", "/var/tmp"].flatMap((directory, at) =>
      readdirSync(directory).filter(
        (name) => name.startsWith("tare-doctor-") && before[at]?.includes(name) !== true,
      ),
    );
    expect(left).toEqual([]);
  });

  test("works for an ordinary user, who is told what only root sees", () => {
    const { status, stdout, stderr } = inNamespaces(
      [],
      `setpriv --reuid 65534 --regid 65534 --clear-groups ${executable} --data-root /nonexistent doctor --format json`,
    );
    expect(stderr).toBe("");
    const findings = parse(stdout);
    expect(findings.find(({ Check }) => Check === "privileges")).toMatchObject({
      Status: "info",
      Fix: ["sudo tare doctor"],
    });
    const hidden = findings.filter(({ Found }) => Found === "not visible to this user");
    expect(hidden.map(({ Check }) => Check)).toContain("forward chains");
    expect(findings.filter(({ Status }) => Status === "missing")).toEqual([]);
    // Nothing that root finds present is reported as absent.
    const ofRoot = parse(
      inNamespaces([], `${executable} --data-root /nonexistent doctor --format json`).stdout,
    );
    for (const { Group, Check, Status } of ofRoot.filter(
      (each) => each.Group === "kernel" && each.Status === "ok",
    )) {
      const found = findings.find((each) => each.Group === Group && each.Check === Check);
      expect([Check, Status, found?.Status]).toEqual([Check, "ok", expect.stringMatching(/^(?:ok|info)$/)]);
      if (found?.Status === "info")
        expect(["security modules"].includes(Check) || hidden.includes(found)).toBe(true);
    }
    expect(status).toBe(0);
  });

  test("reports the addon that cannot be loaded anywhere", () => {
    const { before, run } = breakAndFix({
      flags: ["-m"],
      script: `for at in /run /tmp /dev/shm /var/tmp; do mount -t tmpfs -o noexec none $at; done
        mkdir -p ${scratch.join("data")}`,
      group: "kernel",
      check: "system calls",
      fixes: false,
    });
    expect(before).toMatchObject({ Status: "missing", Affects: "the daemon does not start" });
    expect(run.stdout).toContain('"Check":"mount flags","Status":"missing"');
  });
});

describe.skipIf(!isRoot)("tare doctor and a daemon", () => {
  test("reports where it serves, its build and its socket's mode, and starts none", async () => {
    await using tare = new Installation();
    const ask = async (): Promise<(check: string) => HostFinding | undefined> => {
      const { stdout } = await tare.tare(["doctor", "--format", "json"]);
      const findings = parse(stdout).filter(({ Group }) => Group === "daemon");
      return (check) => findings.find(({ Check }) => Check === check);
    };
    expect((await ask())("reachable")).toMatchObject({ Status: "info" });
    expect(tare.daemonPid()).toBeUndefined();
    await tare.must(["ps"]);
    const served = await ask();
    expect(served("reachable")).toMatchObject({ Status: "ok", Found: `serves at unix://${tare.socket}` });
    expect(served("version")?.Found).toMatch(/equal to this command's$/);
    expect(served("socket")).toMatchObject({ Status: "ok", Found: "mode 0660, group root" });
    spawnSync("chmod", ["0666", tare.socket]);
    const open = (await ask())("socket");
    expect(open).toMatchObject({ Status: "warning", Fix: [`chmod o= ${tare.socket}`] });
    spawnSync("sh", ["-ec", open?.Fix.join(" && ") ?? "false"]);
    expect((await ask())("socket")).toMatchObject({ Status: "ok" });
    // One that is stopped does not hold up the check.
    const pid = tare.daemonPid() as number;
    process.kill(pid, "SIGSTOP");
    expect((await ask())("reachable")).toMatchObject({ Status: "missing" });
    process.kill(pid, "SIGCONT");
  });

  test("checkHost() finds the same in the library", async () => {
    await using tare = new Installation();
    const { dataRoot, runRoot } = tare;
    const findings = await checkHost({ dataRoot, runRoot });
    const { stdout } = await tare.tare(["doctor", "--format", "json"]);
    const names = (list: readonly { readonly group: string; readonly check: string }[]): readonly string[] =>
      list.map(({ group, check }) => `${group} ${check}`);
    expect(names(findings)).toEqual(
      names(parse(stdout).map(({ Group, Check }) => ({ group: Group, check: Check }))),
    );
    expect(findings.find(({ check }) => check === "data root")?.found).toStartWith(`${dataRoot} on `);
  });
});
