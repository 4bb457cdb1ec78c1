/** Fields of container creations and updates: what dockerd stores, changes, and refuses. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

interface Inspected {
  readonly Config: Readonly<Record<string, unknown>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly Mounts: readonly Readonly<Record<string, unknown>>[];
  readonly NetworkSettings: { readonly Ports: Readonly<Record<string, unknown>> };
}

describe.skipIf(!isRoot)("creations and updates", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const create = async (body: object, version = "1.45"): ReturnType<typeof askApi> =>
    await askApi(tare.socket, "POST", `/v${version}/containers/create`, { Image: "busybox", ...body });

  /** What a creation stores; the container goes again. */
  async function stored(body: object, version = "1.45"): Promise<Inspected> {
    const { status, text } = await create(body, version);
    expect([body, status, text]).toEqual([body, 201, expect.any(String)]);
    const { Id } = JSON.parse(text) as { readonly Id: string };
    const inspected = await askApi(tare.socket, "GET", `/v${version}/containers/${Id}/json`);
    await askApi(tare.socket, "DELETE", `/containers/${Id}?force=1&v=1`);
    return JSON.parse(inspected.text) as Inspected;
  }

  /** [API version, what is sent, what HostConfig then has] */
  const kept: readonly (readonly [string, object, Readonly<Record<string, unknown>>])[] = [
    ["1.39", {}, { IpcMode: "shareable" }],
    ["1.40", {}, { IpcMode: "private" }],
    ["1.40", { HostConfig: { IpcMode: "shareable" } }, { IpcMode: "shareable" }],
    ["1.24", { Memory: 67_108_864, CpuShares: 512 }, { Memory: 67_108_864, CpuShares: 512 }],
    ["1.45", { Memory: 67_108_864, Cpuset: "0" }, { Memory: 67_108_864, CpusetCpus: "0" }],
    ["1.45", { HostConfig: { CpuShares: 0 } }, { CpuShares: 0 }],
    ["1.45", { HostConfig: { CpuShares: 2 } }, { CpuShares: 2 }],
    ["1.45", { HostConfig: { Memory: 67_108_864 } }, { MemorySwap: 134_217_728 }],
    ["1.45", { HostConfig: { Memory: 67_108_864, MemorySwap: -1 } }, { MemorySwap: -1 }],
    ["1.45", { HostConfig: { PidsLimit: 0 } }, { PidsLimit: null }],
    ["1.45", { HostConfig: { PidsLimit: -1 } }, { PidsLimit: null }],
    ["1.45", { HostConfig: { PidsLimit: 50 } }, { PidsLimit: 50 }],
    ["1.45", { HostConfig: { OomScoreAdj: -1000 } }, { OomScoreAdj: -1000 }],
    ["1.45", { HostConfig: { Annotations: { a: "b" } } }, { Annotations: { a: "b" } }],
    ["1.45", { HostConfig: { CgroupParent: "some" } }, { CgroupParent: "some" }],
    ["1.45", { HostConfig: { Tmpfs: { "/x": "rshared,size=1m" } } }, { Tmpfs: { "/x": "rshared,size=1m" } }],
    ["1.45", { HostConfig: { ShmSize: 0 } }, { ShmSize: 67_108_864 }],
    ["1.45", { HostConfig: { CpuQuota: -1 } }, { CpuQuota: -1 }],
    ["1.45", { HostConfig: { CpuQuota: -5, CpuPeriod: 100_000 } }, { CpuQuota: -5, CpuPeriod: 100_000 }],
    ["1.45", { HostConfig: { NanoCpus: 500_000_000, CpuQuota: -1 } }, { CpuQuota: -1 }],
    ["1.45", { HostConfig: { MemoryReservation: -1 } }, { MemoryReservation: -1 }],
    ["1.45", { HostConfig: { MemorySwappiness: -1 } }, { MemorySwappiness: null }],
  ];
  test.each(kept)("version %s keeps %p", async (version, body, expected) => {
    expect((await stored(body, version)).HostConfig).toMatchObject(expected);
  });

  /** [what is sent, status, text] */
  const refused: readonly (readonly [object, string])[] = [
    [{ HostConfig: { Memory: 1000 } }, "Minimum memory limit allowed is 6MB"],
    [
      { HostConfig: { MemorySwap: 67_108_864 } },
      "You should always set the Memory limit when using Memoryswap limit",
    ],
    [{ HostConfig: { MemorySwappiness: 101 } }, "Invalid value: 101, valid memory swappiness range is 0-100"],
    [{ HostConfig: { OomScoreAdj: 1001 } }, "Invalid value 1001, range for oom score adj is [-1000, 1000]"],
    [{ HostConfig: { ShmSize: -1 } }, "SHM size can not be less than 0"],
    [{ HostConfig: { Annotations: { "": "x" } } }, "the empty string is not permitted as an annotation key"],
    [{ HostConfig: { CpuShares: -1 } }, "invalid CPU shares (-1): value must be a positive integer"],
  ];
  test.each(refused)("%p is refused", async (body, words) => {
    const { status, text } = await create(body);
    expect([status, text]).toEqual([400, expect.stringContaining(words)]);
  });

  test("empty maps are left out, as dockerd does", async () => {
    const HostConfig = { Sysctls: {}, Tmpfs: {}, StorageOpt: {}, Annotations: {} };
    expect(Object.keys((await stored({ HostConfig })).HostConfig)).not.toContainAnyValues(
      Object.keys(HostConfig),
    );
  });

  test("empty ports, volumes and stop signals are none", async () => {
    const { Config } = await stored({ ExposedPorts: {}, Volumes: {}, StopSignal: "" });
    expect(Object.keys(Config)).not.toContainAnyValues(["ExposedPorts", "StopSignal"]);
    expect(Config["Volumes"]).toBeNull();
  });

  test("an update that contradicts limits is refused in dockerd's words; no limit contradicts none", async () => {
    const update = async (before: object, changes: object): Promise<string> => {
      const { text } = await create({ HostConfig: before });
      const { Id } = JSON.parse(text) as { readonly Id: string };
      const reply = await askApi(tare.socket, "POST", `/containers/${Id}/update`, changes);
      const { HostConfig } = JSON.parse(
        (await askApi(tare.socket, "GET", `/containers/${Id}/json`)).text,
      ) as Inspected;
      await askApi(tare.socket, "DELETE", `/containers/${Id}?force=1`);
      const { message } = JSON.parse(reply.text) as { readonly message?: string };
      const shown = [HostConfig["CpuQuota"], HostConfig["NanoCpus"]].map(String).join(" ");
      return `${reply.status} ${shown} ${message?.replace(Id, "ID")}`;
    };
    const half = { NanoCpus: 500_000_000 };
    expect(await update({ CpuQuota: 20_000 }, half)).toBe(
      "409 20000 0 Cannot update container ID: Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set",
    );
    expect(await update(half, { CpuQuota: 20_000 })).toBe(
      "409 0 500000000 Cannot update container ID: Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set",
    );
    expect(await update({ CpuQuota: -1 }, half)).toBe("200 -1 500000000 undefined");
    expect(await update(half, { CpuQuota: -1 })).toBe("200 -1 500000000 undefined");
    expect(await update({ AutoRemove: true }, { RestartPolicy: { Name: "always" } })).toStartWith(
      "409 0 0 Cannot update container ID: Restart policy cannot be updated because AutoRemove is enabled",
    );
  });

  test("a negative quota is none for the kernel", async () => {
    const { text } = await create({ Cmd: ["sleep", "60"], HostConfig: { CpuQuota: -5 } });
    const { Id } = JSON.parse(text) as { readonly Id: string };
    expect((await askApi(tare.socket, "POST", `/containers/${Id}/start`)).status).toBe(204);
    await tare.must(["rm", "-f", Id]);
  });

  test("names of signals, variables and labels stay as they were sent", async () => {
    expect((await stored({ StopSignal: "9" })).Config["StopSignal"]).toBe("9");
    expect((await stored({ StopSignal: "sigterm" })).Config["StopSignal"]).toBe("sigterm");
    expect((await stored({ Env: ["HOME="] })).Config["Env"]).toContain("HOME=");
  });

  test("an empty HOME is that of the user", async () => {
    expect(await tare.must(["run", "--rm", "-e", "HOME=", "busybox", "sh", "-c", "echo [$HOME]"])).toBe(
      "[/root]",
    );
  });

  test("mounts are listed as Docker lists them", async () => {
    const { Mounts } = await stored({
      Volumes: { "/anonymous": {} },
      HostConfig: { Binds: ["/tmp:/bound:ro", "named:/named"], Tmpfs: { "/t": "" } },
    });
    const byTarget = new Map(Mounts.map((mount) => [mount["Destination"], mount]));
    expect(byTarget.get("/bound")).toEqual({
      Type: "bind",
      Source: "/tmp",
      Destination: "/bound",
      Mode: "ro",
      RW: false,
      Propagation: "rprivate",
    });
    expect(byTarget.get("/named")).toMatchObject({
      Type: "volume",
      Name: "named",
      Driver: "local",
      RW: true,
    });
    expect(byTarget.get("/anonymous")).toMatchObject({ Type: "volume", Driver: "local", RW: true, Mode: "" });
    expect(byTarget.has("/t")).toBe(false);
  });

  test("a failed creation leaves no volume", async () => {
    const before = await tare.must(["volume", "ls", "-q"]);
    const { status } = await create({
      Volumes: { "/data": {} },
      HostConfig: { Binds: ["never:/never"], NetworkMode: "container:none", Memory: 1000 },
    });
    expect(status).toBe(400);
    expect(await tare.must(["volume", "ls", "-q"])).toBe(before);
  });

  test("the host's cgroups can be mounted", async () => {
    const shown = await tare.must([
      "run",
      "--rm",
      "-v",
      "/sys/fs/cgroup:/sys/fs/cgroup:ro",
      "busybox",
      "ls",
      "/sys/fs/cgroup",
    ]);
    expect(shown).not.toBe("");
  });

  test("a tmpfs takes its propagation from its options", async () => {
    const shown = await tare.must([
      "run",
      "--rm",
      "--tmpfs",
      "/x:rshared",
      "busybox",
      "grep",
      " /x ",
      "/proc/self/mountinfo",
    ]);
    expect(shown).toContain("shared:");
  });

  test("an update takes 0 for as it was, and -1 for no limit", async () => {
    const { text } = await create({
      Cmd: ["sleep", "100"],
      HostConfig: { Memory: 67_108_864, PidsLimit: 50 },
    });
    const { Id } = JSON.parse(text) as { readonly Id: string };
    await tare.must(["start", Id]);
    const hostConfig = async (): Promise<Readonly<Record<string, unknown>>> =>
      (JSON.parse((await askApi(tare.socket, "GET", `/containers/${Id}/json`)).text) as Inspected).HostConfig;
    const update = async (body: object): Promise<number> =>
      (await askApi(tare.socket, "POST", `/containers/${Id}/update`, body)).status;
    expect(await update({ Memory: 0, CpuShares: 200 })).toBe(200);
    expect(await hostConfig()).toMatchObject({ Memory: 67_108_864, CpuShares: 200, PidsLimit: 50 });
    expect(await update({ MemorySwap: -1, PidsLimit: -1 })).toBe(200);
    expect(await hostConfig()).toMatchObject({ Memory: 67_108_864, MemorySwap: -1 });
    expect([0, -1, null]).toContain((await hostConfig())["PidsLimit"] as number | null);
    expect(await update({ Memory: 1000 })).toBe(400);
    expect(await update({ Memory: 100_000_000 })).toBe(409);
    expect(await update({ MemorySwappiness: 101 })).toBe(400);
    expect(await update({ MemorySwap: -2 })).toBe(200);
    expect(await hostConfig()).toMatchObject({ Memory: 67_108_864, MemorySwap: -2 });
    await tare.must(["rm", "-f", Id]);
  });

  test("a subnet of IPv6 needs no EnableIPv6", async () => {
    const { status } = await askApi(tare.socket, "POST", "/networks/create", {
      Name: "six",
      IPAM: { Config: [{ Subnet: "10.77.0.0/24" }, { Subnet: "fd77::/64" }] },
    });
    expect(status).toBe(201);
    const { text } = await askApi(tare.socket, "GET", "/networks/six");
    const { IPAM, EnableIPv6 } = JSON.parse(text) as {
      readonly IPAM: { readonly Config: readonly unknown[] };
      readonly EnableIPv6: boolean;
    };
    expect([IPAM.Config.length, EnableIPv6]).toEqual([2, false]);
    await tare.must(["network", "rm", "six"]);
  });
});
