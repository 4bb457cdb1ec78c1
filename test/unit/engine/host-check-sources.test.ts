import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { familyOf, installCommands, parseDistribution } from "../../../src/engine/host-check/distribution.ts";
import { isOlder } from "../../../src/engine/host-check/kernel-findings.ts";
import { optionalPrograms } from "../../../src/engine/host-check/programs.ts";
import { parseDisabled } from "../../../src/engine/host-check/read-cgroups.ts";
import { findModuleState, type ModuleSources } from "../../../src/engine/host-check/read-kernel.ts";

test("parseDistribution() reads os-release with and without quotes", () => {
  const rocky = 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n';
  expect(parseDistribution(rocky)).toEqual({ id: "rocky", like: ["rhel", "centos", "fedora"] });
  expect(parseDistribution("# comment\nID=alpine\n")).toEqual({ id: "alpine", like: [] });
  expect(parseDistribution("ID='arch'")).toEqual({ id: "arch", like: [] });
  expect(parseDistribution("")).toEqual({ id: "linux", like: [] });
});

test("installCommands() names the package as the distribution does", () => {
  const packages = { debian: "passwd", fedora: "shadow-utils", arch: "shadow" };
  const commands = ["debian", "fedora", "arch", "plan9"].map((id) =>
    installCommands({ id, like: [] }, packages),
  );
  expect(commands).toEqual([
    ["apt-get install -y passwd"],
    ["dnf install -y shadow-utils"],
    ["pacman -S --needed shadow"],
    [],
  ]);
  expect(installCommands({ id: "mint", like: ["ubuntu", "debian"] }, "xfsprogs")).toEqual([
    "apt-get install -y xfsprogs",
  ]);
  expect(familyOf({ id: "opensuse-leap", like: ["suse", "opensuse"] })).toBe("suse");
});

test("isOlder() compares numbers, not text", () => {
  expect(isOlder("5.9.1", "5.14")).toBe(true);
  expect(isOlder("5.14.0-1-amd64", "5.14")).toBe(false);
  expect(isOlder("6.18.44-fc", "6.2")).toBe(false);
  expect(isOlder("", "5.14")).toBe(true);
});

test("parseDisabled() reads the last column of /proc/cgroups", () => {
  const text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t80\t1\nmemory\t0\t80\t0\n";
  expect(parseDisabled(text)).toEqual(["memory"]);
});

test("findModuleState() takes the kernel's lists in their order", () => {
  const none: ModuleSources = {
    loaded: undefined,
    config: undefined,
    builtin: undefined,
    installed: undefined,
    filesystems: undefined,
  };
  const state = (sources: Partial<ModuleSources>): string =>
    findModuleState("dm_thin_pool", "DM_THIN_PROVISIONING", { ...none, ...sources });
  const installed = "kernel/drivers/md/dm-thin-pool.ko.xz: kernel/drivers/md/dm-bufio.ko.xz\n";
  expect(state({ loaded: "veth 1 0 - Live\ndm_thin_pool 1 0 - Live 0x0\n" })).toBe("loaded");
  expect(state({ config: "CONFIG_DM_THIN_PROVISIONING=y\n" })).toBe("builtin");
  expect(state({ builtin: "kernel/drivers/md/dm-thin-pool.ko\n" })).toBe("builtin");
  expect(state({ config: "CONFIG_DM_THIN_PROVISIONING=m\n", installed })).toBe("loadable");
  expect(state({ config: "CONFIG_DM_THIN_PROVISIONING=m\n", installed: "other.ko:\n" })).toBe("uninstalled");
  expect(state({ config: "# CONFIG_DM_THIN_PROVISIONING is not set\n" })).toBe("absent");
  expect(state({ installed: "kernel/drivers/md/dm-thin-pool-other.ko:\n" })).toBe("absent");
  expect(state({})).toBe("unknown");
  expect(
    findModuleState("overlay", "OVERLAY_FS", { ...none, filesystems: "nodev\tproc\nnodev\toverlay" }),
  ).toBe("builtin");
});

test("docs/reference/programs.md and the checked programs are the same", () => {
  const path = join(import.meta.dirname, "../../../docs/reference/programs.md");
  const text = readFileSync(path, "utf8");
  for (const { name } of optionalPrograms) expect(text).toContain(`\`${name}\``);
  const rows = [...text.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  );
  const checked = optionalPrograms.filter(({ isForPeople }) => isForPeople !== true).map(({ name }) => name);
  // Credential helpers are named by the user's configuration; systemd's programs come together.
  const others = rows.filter((name) => !name.startsWith("docker-credential-") && name !== "systemd-tmpfiles");
  expect(others.toSorted()).toEqual(checked.toSorted());
});
