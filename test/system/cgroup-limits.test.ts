import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, openSync, closeSync, ftruncateSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CgroupLayout, detectCgroups, findController } from "../../src/linux/cgroup/layout.ts";
import { listHugePageSizes } from "../../src/linux/cgroup/huge-pages.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const MiB = 2 ** 20;

describe.skipIf(!isRoot)("limits", () => {
  let tare: Installation;
  let layout: CgroupLayout;

  beforeAll(async () => {
    tare = new Installation();
    layout = detectCgroups();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const version = (controller: string): 1 | 2 | undefined => findController(layout, controller)?.version;
  /** A file of a container's cgroup, by the controller that it belongs to. */
  const fileOf = async (
    name: string,
    file: string,
    controller = file.split(".")[0] ?? "",
  ): Promise<string> => {
    const id = await tare.must(["inspect", "-f", "{{.Id}}", name]);
    const mount = findController(layout, controller)?.mountPath ?? layout.v2?.mountPath ?? "";
    return join(mount, tare.cgroupParent(), id, file);
  };
  const read = async (name: string, file: string, controller?: string): Promise<string> =>
    readFileSync(await fileOf(name, file, controller), "utf8").trim();
  const start = (name: string, ...rest: readonly string[]): Promise<string> =>
    tare.must(["run", "-d", "--name", name, ...rest]);
  const refused = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(args);
    expect(status).not.toBe(0);
    return stderr;
  };

  /** A block device of 16 MiB, scheduled by bfq where this kernel has that. */
  function loopDevice(): Disposable & {
    readonly path: string;
    readonly number: string;
    readonly hasWeights: boolean;
  } {
    const file = join(tare.directory, "disk");
    const fd = openSync(file, "w");
    ftruncateSync(fd, 16 * MiB);
    closeSync(fd);
    const made = spawnSync("losetup", ["-f", "--show", file], { encoding: "utf8" });
    expect(made.stderr).toBe("");
    const path = made.stdout.trim();
    const queue = `/sys/block/${path.slice("/dev/".length)}`;
    const schedulers = readFileSync(`${queue}/queue/scheduler`, "utf8");
    const hasWeights = schedulers.includes("bfq");
    if (hasWeights) writeFileSync(`${queue}/queue/scheduler`, "bfq");
    return {
      path,
      number: readFileSync(`${queue}/dev`, "utf8").trim(),
      hasWeights,
      [Symbol.dispose]: () => {
        if (hasWeights) writeFileSync(`${queue}/queue/scheduler`, "none");
        spawnSync("losetup", ["-d", path]);
      },
    };
  }

  test("rates of a block device are in the kernel's files, told by inspect, and hold", async () => {
    using device = loopDevice();
    const { path, number } = device;
    const flags = `--device ${path} --device-read-bps ${path}:2mb --device-write-bps ${path}:1mb --device-read-iops ${path}:500 --device-write-iops ${path}:400`;
    await start("slow", ...flags.split(" "), "busybox", "sleep", "1000");
    if (version("blkio") === 1) {
      expect(await read("slow", "blkio.throttle.read_bps_device")).toBe(`${number} ${2 * MiB}`);
      expect(await read("slow", "blkio.throttle.write_bps_device")).toBe(`${number} ${MiB}`);
      expect(await read("slow", "blkio.throttle.read_iops_device")).toBe(`${number} 500`);
      expect(await read("slow", "blkio.throttle.write_iops_device")).toBe(`${number} 400`);
    } else {
      expect(await read("slow", "io.max")).toBe(`${number} rbps=${2 * MiB} wbps=${MiB} riops=500 wiops=400`);
    }
    expect(JSON.parse(await tare.must(["inspect", "-f", "{{json .HostConfig}}", "slow"]))).toMatchObject({
      BlkioDeviceReadBps: [{ Path: path, Rate: 2 * MiB }],
      BlkioDeviceWriteBps: [{ Path: path, Rate: MiB }],
      BlkioDeviceReadIOps: [{ Path: path, Rate: 500 }],
      BlkioDeviceWriteIOps: [{ Path: path, Rate: 400 }],
    });
    // Past the page cache, or others would write it later. A busy machine makes it slower, never faster.
    const began = performance.now();
    const write = `dd if=/dev/zero of=${path} bs=65536 count=48 oflag=direct`;
    await tare.must(["exec", "slow", "sh", "-c", write]);
    expect(performance.now() - began).toBeGreaterThan(2_000);
    const written = await tare.must(["stats", "--no-stream", "--format", "{{.BlockIO}}", "slow"]);
    expect(written).toBe("0B / 3.15MB");
    await tare.must(["rm", "-f", "slow"]);
  });

  test("weights of block I/O: given, by device, updated; without the files of the kernel a warning", async () => {
    using device = loopDevice();
    const weightFile = version("blkio") === 1 ? "blkio.bfq.weight" : "io.bfq.weight";
    const { stderr } = await tare.tare([
      "run",
      "-d",
      "--name",
      "weighed",
      "--blkio-weight",
      "300",
      "busybox",
      "sleep",
      "1000",
    ]);
    const has = existsSync(await fileOf("weighed", weightFile));
    const noWeight =
      "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.";
    expect(stderr.includes(noWeight)).toBe(!has && !existsSync(await fileOf("weighed", "io.weight")));
    if (has) {
      expect(await read("weighed", weightFile)).toMatch(/^(?:default )?300$/);
      await tare.must(["update", "--blkio-weight", "450", "weighed"]);
      expect(await read("weighed", weightFile)).toMatch(/^(?:default )?450$/);
      expect(await tare.must(["inspect", "-f", "{{.HostConfig.BlkioWeight}}", "weighed"])).toBe("450");
    }
    expect(await refused("update", "--blkio-weight", "5", "weighed")).toContain(
      "Range of blkio weight is from 10 to 1000",
    );
    await tare.must(["rm", "-f", "weighed"]);
    if (!has || !device.hasWeights) return;
    await start("weighed", "--blkio-weight-device", `${device.path}:700`, "busybox", "sleep", "1000");
    const file = version("blkio") === 1 ? "blkio.bfq.weight_device" : weightFile;
    expect(await read("weighed", file)).toContain(`${device.number} 700`);
    await tare.must(["rm", "-f", "weighed"]);
  });

  test("swappiness, reservation and an OOM killer that is off", async () => {
    const flags = "-m 64m --memory-reservation 32m --memory-swappiness 10 --oom-kill-disable";
    const { stdout, stderr, status } = await tare.tare([
      "run",
      "-d",
      "--name",
      "kept",
      ...flags.split(" "),
      "busybox",
      "sleep",
      "1000",
    ]);
    expect([status, stdout.trim()]).toEqual([0, await tare.must(["inspect", "-f", "{{.Id}}", "kept"])]);
    if (version("memory") === 1) {
      expect(stderr).toBe("");
      expect(await read("kept", "memory.swappiness")).toBe("10");
      expect(await read("kept", "memory.oom_control")).toContain("oom_kill_disable 1");
      expect(await read("kept", "memory.soft_limit_in_bytes")).toBe(String(32 * MiB));
    } else {
      expect(stderr).toContain("Memory swappiness discarded.");
      expect(stderr).toContain("OomKillDisable discarded.");
      expect(await read("kept", "memory.low")).toBe(String(32 * MiB));
    }
    await tare.must(["rm", "-f", "kept"]);
    expect(await refused("run", "--memory-swappiness", "101", "busybox")).toContain(
      "Invalid value: 101, valid memory swappiness range is 0-100",
    );
    expect(await tare.must(["run", "--rm", "--kernel-memory", "50m", "busybox", "echo", "dropped"])).toBe(
      "dropped",
    );
  });

  test("real-time: lent by the cgroups above, or refused in Docker's words", async () => {
    const flags = ["--cpu-rt-period", "500000", "--cpu-rt-runtime", "10000"];
    const root = findController(layout, "cpu");
    if (root?.version !== 1 || !existsSync(join(root.mountPath, "cpu.rt_runtime_us"))) {
      expect(await refused("run", ...flags, "busybox")).toContain(
        "kernel does not support CPU real-time scheduler",
      );
      return;
    }
    await start("timely", ...flags, "busybox", "sleep", "1000");
    expect(await read("timely", "cpu.rt_runtime_us")).toBe("10000");
    expect(await read("timely", "cpu.rt_period_us")).toBe("500000");
    expect(await tare.must(["exec", "timely", "sh", "-c", "chrt -f 5 true 2>&1 || true"])).not.toContain(
      "No such",
    );
    await tare.must(["update", "--cpu-rt-runtime", "20000", "timely"]);
    expect(await read("timely", "cpu.rt_runtime_us")).toBe("20000");
    await tare.must(["rm", "-f", "timely"]);
    expect(await refused("run", "--cpu-rt-period", "1000", "--cpu-rt-runtime", "2000", "busybox")).toContain(
      "cpu real-time runtime cannot be higher than cpu real-time period",
    );
  });

  test("huge pages, and files of v2 by hand", async () => {
    const [size = ""] = listHugePageSizes();
    if (version("hugetlb") === undefined || size === "") {
      expect(await refused("run", "--hugetlb-limit", "2MB=4m", "busybox")).toContain(
        "cannot limit huge pages",
      );
      return;
    }
    const bytes = 1024 * MiB;
    await start("paged", "--hugetlb-limit", `${size}=1g`, "busybox", "sleep", "1000");
    const limit = version("hugetlb") === 1 ? "limit_in_bytes" : "max";
    expect(await read("paged", `hugetlb.${size}.${limit}`)).toBe(String(bytes));
    expect(await read("paged", `hugetlb.${size}.rsvd.${limit}`)).toBe(String(bytes));
    expect(await tare.must(["inspect", "-f", "{{json .HostConfig.Tare.HugePageLimits}}", "paged"])).toContain(
      `"${size}":`,
    );
    await tare.must(["rm", "-f", "paged"]);
    expect(await refused("run", "--hugetlb-limit", "3MB=1m", "busybox")).toContain(
      'of "3MB": this kernel has',
    );
    expect(await refused("run", "--hugetlb-limit", `${size}=much`, "busybox")).toContain("bad format");
    if (version("hugetlb") !== 2) return;
    await start("paged", "--cgroup-conf", `hugetlb.${size}.max=${bytes}`, "busybox", "sleep", "1000");
    expect(await read("paged", `hugetlb.${size}.max`)).toBe(String(bytes));
    await tare.must(["rm", "-f", "paged"]);
    expect(await refused("run", "--rm", "--cgroup-conf", `hugetlb.${size}.max=junk`, "busybox")).toContain(
      `the kernel refuses "junk" to hugetlb.${size}.max`,
    );
  });

  test("what cannot be is refused in a sentence, and leaves nothing", async () => {
    const cases: readonly (readonly [flags: string, says: string])[] = [
      ["--device-read-bps /dev/null:1mb", 'cannot limit block device "/dev/null": it is not a block device'],
      [
        "--device-read-bps /dev/nothing:1mb",
        'cannot limit block device "/dev/nothing": no such file or directory',
      ],
      ["--device-write-bps /etc/passwd:1mb", "bad format for device path: /etc/passwd:1mb"],
      ["--device-write-bps /dev/null", "bad format: /dev/null"],
      ["--device-read-bps /dev/null:fast", "invalid rate for device: /dev/null:fast"],
      ["--device-read-iops /dev/null:1mb", "invalid rate for device: /dev/null:1mb"],
      ["--blkio-weight-device /dev/null:5", "invalid weight for device: /dev/null:5"],
      ["--blkio-weight 1001", "Range of blkio weight is from 10 to 1000"],
      ["--cgroup-conf ../../evil=1", 'cannot set cgroup file "../../evil": no such file'],
      ["--cgroup-conf cgroup.procs=1", "it is the engine's own"],
      ["--cgroup-conf nothing.high=1", "this host has no nothing controller in cgroup v2"],
    ];
    for (const [flags, says] of cases)
      expect(await refused("run", ...flags.split(" "), "busybox")).toContain(says);
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("an update that the kernel refuses in its second step leaves the first undone", async () => {
    await start("firm", "-m", "64m", "--cpu-shares", "512", "busybox", "sh", "-c", "sleep 1000");
    const shares = version("cpu") === 1 ? "cpu.shares" : "cpu.weight";
    const before = await read("firm", shares, "cpu");
    // pids.max is written last: here it takes nothing.
    const path = await fileOf("firm", "pids.max");
    const cover = spawnSync("mount", ["--bind", "/proc/version", path], { encoding: "utf8" });
    expect([cover.status, cover.stderr]).toEqual([0, ""]);
    try {
      expect(await refused("update", "--cpu-shares", "2048", "--pids-limit", "50", "firm")).toContain(
        "cannot change",
      );
    } finally {
      spawnSync("umount", [path]);
    }
    expect(await read("firm", shares, "cpu")).toBe(before);
    expect(
      await tare.must(["inspect", "-f", "{{.HostConfig.CpuShares}} {{.HostConfig.PidsLimit}}", "firm"]),
    ).toBe("512 <no value>");
    await tare.must(["rm", "-f", "firm"]);
  });
});
