import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kindOf } from "../../src/base/failure.ts";
import { CriDaemon } from "../support/cri-client.ts";
import { poll } from "../support/patience.ts";
import { isRoot } from "../support/tare.ts";

const kindOfFailed = async (call: Promise<unknown>): Promise<string> =>
  kindOf(
    await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );

describe.skipIf(!isRoot)("containers of the CRI", () => {
  let daemon: CriDaemon;
  let pod: string;
  let count = 0;

  /** Runs a container with a name of its own in the common pod. */
  const run = async (config: Parameters<CriDaemon["runContainer"]>[1]): Promise<string> =>
    await daemon.runContainer(pod, {
      metadata: { name: `c${++count}`, attempt: 0 },
      command: ["sleep", "1000"],
      ...config,
    });
  const logOf = (name: string): string => readFileSync(join(daemon.logDirectory, name), "utf8");
  const logged = async (name: string, text: string): Promise<string> =>
    await poll(
      () => {
        const path = join(daemon.logDirectory, name);
        return existsSync(path) && logOf(name).includes(text) ? logOf(name) : undefined;
      },
      { timeoutMs: 10_000, what: `the log ${name}` },
    );

  beforeAll(async () => {
    daemon = new CriDaemon();
    await daemon.start();
    await daemon.loadBusybox();
    // An image with a group that lists root.
    await daemon.tare.must([
      "run",
      "--name",
      "grouping",
      "busybox",
      "sh",
      "-c",
      "echo extra:x:777:root >> /etc/group; echo s > /secret",
    ]);
    await daemon.tare.must(["commit", "grouping", "grouped"]);
    await daemon.tare.must(["rm", "grouping"]);
    pod = await daemon.runPod({ linux: { security_context: { privileged: true } } });
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
  });

  test("a container is created, started, ended and removed, with its state at each step", async () => {
    const { container_id: id } = await daemon.runtime("CreateContainer", {
      pod_sandbox_id: pod,
      config: {
        metadata: { name: "life", attempt: 3 },
        image: { image: "busybox" },
        command: ["sh", "-c", "exit 7"],
        labels: { a: "b" },
        annotations: { c: "d" },
        log_path: "life.log",
      },
    });
    const created = await daemon.status(id);
    expect(created).toMatchObject({
      state: 0,
      metadata: { name: "life", attempt: 3 },
      labels: { a: "b" },
      annotations: { c: "d" },
      started_at: 0,
      log_path: join(daemon.logDirectory, "life.log"),
    });
    expect(created.image_id).toMatch(/^sha256:/);
    await daemon.runtime("StartContainer", { container_id: id });
    const exited = await daemon.exited(id);
    expect([exited.exit_code, exited.reason]).toEqual([7, "Error"]);
    expect(exited.finished_at).toBeGreaterThanOrEqual(exited.started_at);
    expect(await kindOfFailed(daemon.runtime("StartContainer", { container_id: id }))).toBe("conflict");
    const list = async (filter: object): Promise<readonly string[]> =>
      (await daemon.runtime("ListContainers", { filter })).containers.map((each) => each.id);
    expect(await list({ pod_sandbox_id: pod, state: { state: 2 } })).toEqual([id]);
    expect(await list({ label_selector: { a: "b" } })).toEqual([id]);
    expect(await list({ label_selector: { a: "c" } })).toEqual([]);
    const [part] = await daemon.stream("runtime.v1.RuntimeService/StreamContainers", { filter: { id } });
    expect(part?.containers.map(({ pod_sandbox_id }) => pod_sandbox_id)).toEqual([pod]);
    for (let time = 0; time < 2; time++) {
      await daemon.runtime("StopContainer", { container_id: id, timeout: 1 });
      await daemon.runtime("RemoveContainer", { container_id: id });
    }
    expect(await kindOfFailed(daemon.status(id))).toBe("not-found");
  });

  test("what cannot work is refused with a code and leaves nothing", async () => {
    const before = (await daemon.runtime("ListContainers", {})).containers.length;
    const create = async (more: object, pod_sandbox_id = pod): Promise<string> =>
      await kindOfFailed(
        daemon.runtime("CreateContainer", {
          pod_sandbox_id,
          config: { metadata: { name: "wrong", attempt: 0 }, image: { image: "busybox" }, ...more },
        }),
      );
    expect(await create({}, "0".repeat(64))).toBe("not-found");
    expect(await create({ image: { image: "absent" } })).toBe("not-found");
    expect(await create({ image: null })).toBe("invalid");
    expect(await create({ metadata: null })).toBe("invalid");
    expect(await create({ log_path: "../../etc/passwd" })).toBe("invalid");
    const security = async (security_context: object): Promise<string> =>
      await create({ linux: { security_context } });
    expect(await security({ run_as_group: { value: 5 } })).toBe("invalid");
    expect(await security({ run_as_user: { value: -1 } })).toBe("invalid");
    expect(await security({ capabilities: { add_ambient_capabilities: ["NET_RAW"] } })).toBe("unsupported");
    expect(await security({ seccomp: { profile_type: 2, localhost_ref: "/absent" } })).toBe("invalid");
    const mount = async (each: object): Promise<string> => await create({ mounts: [each] });
    expect(await mount({ container_path: "/m", host_path: "relative" })).toBe("invalid");
    expect(await mount({ container_path: "/m", host_path: "/etc", recursive_read_only: true })).toBe(
      "invalid",
    );
    expect(await mount({ container_path: "/m", host_path: "/etc", propagation: 9 })).toBe("invalid");
    expect((await daemon.runtime("ListContainers", {})).containers).toHaveLength(before);
    const absent = "1".repeat(64);
    for (const call of [
      daemon.runtime("StartContainer", { container_id: absent }),
      daemon.runtime("ContainerStats", { container_id: absent }),
      daemon.runtime("UpdateContainerResources", { container_id: absent, linux: {} }),
      daemon.runtime("ReopenContainerLog", { container_id: absent }),
      daemon.runtime("ExecSync", { container_id: absent, cmd: ["true"] }),
      daemon.runtime("Attach", { container_id: absent, stdin: true }),
      daemon.runtime("PortForward", { pod_sandbox_id: absent }),
      daemon.runtime("PodSandboxStats", { pod_sandbox_id: absent }),
    ])
      expect(await kindOfFailed(call)).toBe("not-found");
  });

  test("a program that cannot be executed ends the container with a reason", async () => {
    const { container_id: id } = await daemon.runtime("CreateContainer", {
      pod_sandbox_id: pod,
      config: {
        metadata: { name: "nothing", attempt: 0 },
        image: { image: "busybox" },
        command: ["/nothing"],
      },
    });
    expect(await kindOfFailed(daemon.runtime("StartContainer", { container_id: id }))).toBe("invalid");
    const status = await daemon.status(id);
    expect([status.state, status.reason, status.exit_code]).toEqual([2, "StartError", 127]);
    expect(status.message).toContain("/nothing");
  });

  test("the log has the CRI's format, with pieces of long lines, and goes on after a rotation", async () => {
    const line = "x".repeat(20_000);
    const id = await run({
      log_path: "rotated.log",
      command: [
        "sh",
        "-c",
        `echo ${line}; echo to-err >&2; trap 'echo again' USR1; while :; do sleep 0.05; done`,
      ],
    });
    const text = await logged("rotated.log", "to-err");
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z`;
    const lines = text.trimEnd().split("\n");
    for (const each of lines) expect(each).toMatch(new RegExp(`^${time} (stdout|stderr) [FP] `));
    const pieces = lines.filter((each) => each.includes(" stdout "));
    expect(pieces.map((each) => each.split(" ")[2])).toEqual(["P", "F"]);
    expect(pieces.map((each) => each.split(" ")[3]).join("")).toBe(line);
    expect(text).toMatch(new RegExp(`^${time} stderr F to-err$`, "m"));
    renameSync(join(daemon.logDirectory, "rotated.log"), join(daemon.logDirectory, "rotated.log.1"));
    await daemon.runtime("ReopenContainerLog", { container_id: id });
    expect(logOf("rotated.log")).toBe("");
    await daemon.exec(id, "sh", "-c", "kill -USR1 $(pgrep -f 'trap' | head -1)").catch(() => undefined);
    const { info } = await daemon.runtime("ContainerStatus", { container_id: id, verbose: true });
    process.kill(JSON.parse(info["info"] ?? "").pid, "SIGUSR1");
    expect(await logged("rotated.log", "again")).toMatch(new RegExp(`^${time} stdout F again$`, "m"));
    expect(logOf("rotated.log.1")).toBe(text);
    await daemon.runtime("StopContainer", { container_id: id, timeout: 0 });
    const conflict = daemon.runtime("ReopenContainerLog", { container_id: id });
    expect(await kindOfFailed(conflict)).toBe("conflict");
  });

  test("a log that is a link to another file is refused", async () => {
    const victim = join(daemon.logDirectory, "victim");
    writeFileSync(victim, "");
    symlinkSync(victim, join(daemon.logDirectory, "link.log"));
    expect(await kindOfFailed(run({ log_path: "link.log", command: ["echo", "x"] }))).toBe("invalid");
    expect(readFileSync(victim, "utf8")).toBe("");
  });

  test("ExecSync gives both streams and the status, and kills at its timeout", async () => {
    const container_id = await run({});
    const cmd = ["sh", "-c", "echo out; echo err >&2; exit 5"];
    const { stdout, stderr, exit_code } = await daemon.runtime("ExecSync", { container_id, cmd });
    expect([Buffer.from(stdout).toString(), Buffer.from(stderr).toString(), exit_code]).toEqual([
      "out\n",
      "err\n",
      5,
    ]);
    const long = { container_id, cmd: ["sleep", "4321"], timeout: 1 };
    expect(await kindOfFailed(daemon.runtime("ExecSync", long))).toBe("deadline");
    const gone = await poll(
      async () => ((await daemon.exec(container_id, "ps")).includes("sleep 4321") ? undefined : true),
      { timeoutMs: 5000, what: "the end of the program" },
    );
    expect(gone).toBe(true);
    const left = ["sh", "-c", "sleep 1000 & echo begun"];
    expect(await daemon.exec(container_id, ...left)).toBe("begun");
    const much = { container_id, cmd: ["sh", "-c", "head -c 12000000 /dev/zero"] };
    const bounded = await daemon.runtime("ExecSync", much);
    expect(bounded.exit_code).toBe(0);
    expect(bounded.stdout.length).toBe(8 * 1024 * 1024 - 4096);
    expect(await kindOfFailed(daemon.runtime("ExecSync", { container_id, cmd: [] }))).toBe("invalid");
    await daemon.runtime("StopContainer", { container_id, timeout: 0 });
    expect(await kindOfFailed(daemon.runtime("ExecSync", { container_id, cmd: ["true"] }))).toBe("conflict");
  });

  test("users and groups are the requested ones, by both policies", async () => {
    const idOf = async (security_context: object): Promise<string> =>
      await daemon.exec(await run({ image: { image: "grouped" }, linux: { security_context } }), "id");
    expect(await idOf({})).toContain("uid=0");
    const merged = await idOf({ run_as_user: { value: 0 }, supplemental_groups: [60_000] });
    expect(merged).toMatch(/groups=.*777\(extra\).*60000/);
    const strict = {
      run_as_user: { value: 0 },
      supplemental_groups: [60_000],
      supplemental_groups_policy: 1,
    };
    expect(await idOf(strict)).toMatch(/groups=0\(root\),60000$/);
    expect(await idOf({ run_as_user: { value: 1234 }, run_as_group: { value: 5678 } })).toBe(
      "uid=1234 gid=5678 groups=5678",
    );
    expect(await idOf({ run_as_username: "root" })).toContain("uid=0(root)");
    const id = await run({ linux: { security_context: strict } });
    expect((await daemon.status(id)).user?.linux).toEqual({
      uid: 0,
      gid: 0,
      supplemental_groups: [0, 60_000],
    });
  });

  test("privileges are the requested ones", async () => {
    const read = async (security_context: object, ...command: readonly string[]): Promise<string> =>
      await daemon.exec(await run({ image: { image: "grouped" }, linux: { security_context } }), ...command);
    const field = (name: string): readonly string[] => [
      "sh",
      "-c",
      `grep ${name} /proc/1/status /proc/self/status`,
    ];
    const bits = async (capabilities: object): Promise<bigint> =>
      BigInt(
        `0x${/CapEff:\s*(\w+)$/.exec(await read({ capabilities }, "sh", "-c", "grep CapEff /proc/self/status"))?.[1] ?? "0"}`,
      );
    const netAdmin = 1n << 12n;
    const chown = 1n;
    expect((await bits({})) & (netAdmin | chown)).toBe(chown);
    expect(
      (await bits({ add_capabilities: ["NET_ADMIN"], drop_capabilities: ["CHOWN"] })) & (netAdmin | chown),
    ).toBe(netAdmin);
    expect(await bits({ drop_capabilities: ["ALL"] })).toBe(0n);
    expect(await read({ no_new_privs: true }, ...field("NoNewPrivs"))).toContain(
      "/proc/self/status:NoNewPrivs:\t1",
    );
    expect(await read({ no_new_privs: false }, ...field("NoNewPrivs"))).toContain(
      "/proc/self/status:NoNewPrivs:\t0",
    );
    expect(await read({ seccomp: { profile_type: 0 } }, ...field("Seccomp:"))).toContain(
      "/proc/self/status:Seccomp:\t2",
    );
    for (const context of [{}, { seccomp: { profile_type: 1 } }])
      expect(await read(context, ...field("Seccomp:"))).toContain("/proc/self/status:Seccomp:\t0");
    const profile = join(daemon.tare.directory, "profile.json");
    writeFileSync(
      profile,
      JSON.stringify({
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["sethostname"], action: "SCMP_ACT_ERRNO" }],
      }),
    );
    const local = {
      seccomp: { profile_type: 2, localhost_ref: profile },
      capabilities: { add_capabilities: ["SYS_ADMIN"] },
    };
    expect(await read(local, "sh", "-c", "hostname x 2>&1; true")).toContain("Operation not permitted");
    expect(await read({ readonly_rootfs: true }, "sh", "-c", "touch /x 2>&1; true")).toContain("Read-only");
    expect(await read({ masked_paths: ["/secret"] }, "sh", "-c", "wc -c < /secret")).toBe("0");
    expect(await read({ readonly_paths: ["/tmp"] }, "sh", "-c", "touch /tmp/x 2>&1; true")).toContain(
      "Read-only",
    );
    expect(await read({ privileged: true }, "sh", "-c", "ls /dev | wc -l")).not.toBe(
      await read({}, "sh", "-c", "ls /dev | wc -l"),
    );
    const plain = await daemon.runPod();
    const refused = daemon.runContainer(plain, {
      command: ["true"],
      linux: { security_context: { privileged: true } },
    });
    expect(await kindOfFailed(refused)).toBe("invalid");
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: plain });
  });

  test("mounts of host paths and images, variables, devices and the working directory", async () => {
    const host = join(daemon.tare.directory, "volume");
    mkdirSync(host);
    spawnSync("mount", ["--bind", host, host]);
    spawnSync("mount", ["--make-shared", host]);
    writeFileSync(join(host, "file"), "content");
    const created = join(daemon.tare.directory, "created/deep");
    const mounts = [
      { container_path: "/rw", host_path: host },
      { container_path: "/ro", host_path: host, readonly: true },
      { container_path: "/rro", host_path: host, readonly: true, recursive_read_only: true },
      { container_path: "/slave", host_path: host, propagation: 1 },
      { container_path: "/made", host_path: created },
      { container_path: "/image", image: { image: "busybox" }, image_sub_path: "etc" },
    ];
    const id = await run({
      mounts,
      envs: [{ key: "NAME", value: Buffer.from("a value=1") }],
      working_dir: "/ro",
      devices: [{ host_path: "/dev/zero", container_path: "/dev/nothing", permissions: "r" }],
    });
    expect(await daemon.exec(id, "sh", "-c", 'cat file; echo " $NAME"; touch /rw/new')).toBe(
      "content a value=1",
    );
    expect(existsSync(join(host, "new"))).toBe(true);
    for (const path of ["/ro", "/rro", "/image"])
      expect(await daemon.exec(id, "sh", "-c", `touch ${path}/x 2>&1; true`)).toContain("Read-only");
    expect(await daemon.exec(id, "grep", "-c", "root", "/image/passwd")).toBe("1");
    expect(existsSync(created)).toBe(true);
    expect(await daemon.exec(id, "sh", "-c", "head -c 3 /dev/nothing | wc -c")).toBe("3");
    expect(await daemon.exec(id, "sh", "-c", "grep ' /slave ' /proc/self/mountinfo")).toContain("master:");
    const { mounts: reported } = await daemon.status(id);
    expect(reported.map((each) => [each.container_path, each.readonly, each.recursive_read_only])).toEqual([
      ["/rw", false, false],
      ["/ro", true, false],
      ["/rro", true, true],
      ["/slave", false, false],
      ["/made", false, false],
      ["/image", false, false],
    ]);
    expect(reported[5]?.image?.image).toBe("busybox");
    await daemon.runtime("RemoveContainer", { container_id: id });
    spawnSync("umount", [host]);
  });

  test("limits apply, are reported, and change in place", async () => {
    const id = await run({
      linux: {
        resources: {
          memory_limit_in_bytes: 64 * 2 ** 20,
          cpu_shares: 512,
          cpu_quota: 50_000,
          cpu_period: 100_000,
          oom_score_adj: 500,
        },
      },
    });
    expect((await daemon.status(id)).resources?.linux).toMatchObject({
      memory_limit_in_bytes: 64 * 2 ** 20,
      cpu_shares: 512,
      cpu_quota: 50_000,
      oom_score_adj: 500,
    });
    expect(await daemon.exec(id, "cat", "/proc/1/oom_score_adj")).toMatch(/^-?\d+$/);
    const { info } = await daemon.runtime("ContainerStatus", { container_id: id, verbose: true });
    const { pid, effective } = JSON.parse(info["info"] ?? "");
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8").trim()).toBe("500");
    const limit = (): string =>
      readFileSync(`/sys/fs/cgroup/memory/${effective.cgroup}/memory.limit_in_bytes`, "utf8");
    const isV1 = existsSync("/sys/fs/cgroup/memory");
    if (isV1) expect(limit()).toBe(`${64 * 2 ** 20}\n`);
    await daemon.runtime("UpdateContainerResources", {
      container_id: id,
      linux: { memory_limit_in_bytes: 96 * 2 ** 20, cpu_shares: 256 },
    });
    if (isV1) expect(limit()).toBe(`${96 * 2 ** 20}\n`);
    expect((await daemon.status(id)).resources?.linux).toMatchObject({
      memory_limit_in_bytes: 96 * 2 ** 20,
      cpu_shares: 256,
      cpu_quota: 50_000,
    });
  });

  test("statistics and metrics of containers and pods", async () => {
    const id = await run({ command: ["sh", "-c", "while :; do :; done"], labels: { busy: "yes" } });
    await daemon.runtime("ContainerStats", { container_id: id });
    await Bun.sleep(300);
    const { stats } = await daemon.runtime("ContainerStats", { container_id: id });
    expect(stats?.attributes?.id).toBe(id);
    expect(stats?.cpu?.usage_core_nano_seconds?.value).toBeGreaterThan(0);
    expect(stats?.cpu?.usage_nano_cores?.value).toBeGreaterThan(0);
    expect(stats?.memory?.working_set_bytes?.value).toBeGreaterThan(0);
    expect(stats?.writable_layer?.fs_id?.mountpoint).toBe(daemon.tare.dataRoot);
    const filter = { label_selector: { busy: "yes" } };
    const listed = await daemon.runtime("ListContainerStats", { filter });
    expect(listed.stats.map((each) => each.attributes?.id)).toEqual([id]);
    const streamed = await daemon.stream("runtime.v1.RuntimeService/StreamContainerStats", { filter });
    expect(streamed[0]?.container_stats).toHaveLength(1);
    const ofPod = (await daemon.runtime("PodSandboxStats", { pod_sandbox_id: pod })).stats;
    expect(ofPod?.linux?.network?.default_interface?.name).toBe("eth0");
    expect(ofPod?.linux?.process?.process_count?.value).toBeGreaterThan(1);
    expect(ofPod?.linux?.containers.map((each) => each.attributes?.id)).toContain(id);
    const pods = await daemon.runtime("ListPodSandboxStats", { filter: { id: pod } });
    expect(pods.stats).toHaveLength(1);
    expect(
      (await daemon.stream("runtime.v1.RuntimeService/StreamPodSandboxStats", {}))[0]?.pod_sandbox_stats,
    ).toHaveLength(1);
    const { descriptors } = await daemon.runtime("ListMetricDescriptors", {});
    const labelsOf = new Map(descriptors.map(({ name, label_keys }) => [name, label_keys]));
    const { pod_metrics } = await daemon.runtime("ListPodSandboxMetrics", {});
    const [metrics] = pod_metrics.filter(({ pod_sandbox_id }) => pod_sandbox_id === pod);
    const all = [
      ...(metrics?.metrics ?? []),
      ...(metrics?.container_metrics ?? []).flatMap((each) => each.metrics),
    ];
    expect(all.map(({ name }) => name)).toContain("container_network_receive_bytes_total");
    expect(all.map(({ name }) => name)).toContain("container_memory_working_set_bytes");
    for (const { name, label_values } of all)
      expect(label_values).toHaveLength(labelsOf.get(name)?.length ?? -1);
    await daemon.runtime("StopContainer", { container_id: id, timeout: 0 });
    expect((await daemon.runtime("ListContainerStats", { filter })).stats).toEqual([]);
  });

  test("GetContainerEvents reports each change with the states after it", async () => {
    const { codingsOf } = await import("../../src/cri/codings.ts");
    const method = "runtime.v1.RuntimeService/GetContainerEvents";
    const stream = daemon.client().open(`/${method}`, codingsOf(method));
    await stream.send({});
    stream.end();
    const seen: (readonly [id: string, type: number, states: readonly number[]])[] = [];
    const reading = (async () => {
      for await (const event of stream) {
        const states = event.containers_statuses.filter(({ id }) => id === event.container_id);
        seen.push([event.container_id, event.container_event_type, states.map(({ state }) => state)]);
      }
    })().catch(() => undefined);
    await Bun.sleep(100);
    const id = await run({ command: ["true"] });
    await daemon.exited(id);
    await daemon.runtime("RemoveContainer", { container_id: id });
    await poll(() => (seen.length >= 4 ? true : undefined), { timeoutMs: 5000, what: "four events" });
    stream.cancel();
    await reading;
    expect(seen.map(([each]) => each)).toEqual([id, id, id, id]);
    expect(seen.map(([, type]) => type)).toEqual([0, 1, 2, 3]);
    expect(seen.at(-1)?.[2]).toEqual([]);
  });

  test("the daemon's restart: pods run on, are listed once, and their logs go on", async () => {
    const id = await run({
      log_path: "on.log",
      command: ["sh", "-c", "i=0; while :; do echo line-$i; i=$((i+1)); sleep 0.05; done"],
    });
    await logged("on.log", "line-3\n");
    const before = await daemon.status(id);
    await daemon.stop("SIGKILL");
    await Bun.sleep(300);
    await daemon.start();
    expect(await daemon.status(id)).toEqual(before);
    const { containers } = await daemon.runtime("ListContainers", { filter: { id } });
    expect(containers).toHaveLength(1);
    expect((await daemon.runtime("ListPodSandbox", { filter: { id: pod } })).items[0]?.state).toBe(0);
    expect(await daemon.exec(id, "echo", "here")).toBe("here");
    const last = Number(/line-(\d+)\n$/.exec(logOf("on.log"))?.[1]);
    const text = await logged("on.log", `line-${last + 5}\n`);
    const numbers = new Set([...text.matchAll(/line-(\d+)$/gm)].map(([, number]) => Number(number)));
    for (let number = 0; number <= last + 5; number++)
      expect([number, numbers.has(number)]).toEqual([number, true]);
  });
});
