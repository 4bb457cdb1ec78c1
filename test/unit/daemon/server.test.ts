import { describe, expect, test } from "bun:test";
import { startDaemon } from "./daemon-under-test.ts";

describe("serve() through the client", () => {
  test("it answers ping, version, info", async () => {
    await using daemon = await startDaemon();
    const { client } = daemon;
    expect(await client.system.ping()).toEqual({
      apiVersion: "1.56",
      osType: "linux",
      experimental: false,
      builderVersion: "1",
      tareBuild: "build-1",
    });
    expect(client.daemonBuildId).toBe("build-1");
    expect((await client.system.version()).ApiVersion).toBe("1.56");
    const info = await client.system.info();
    expect([info.Driver, info.CgroupVersion, info.Architecture]).toEqual(["overlay", "1", "x86_64"]);
  });

  test("it creates, lists, inspects, starts, waits, removes", async () => {
    await using daemon = await startDaemon();
    const { containers } = daemon.client;
    const { Id: id } = await containers.create(
      {
        Image: "busybox",
        Cmd: ["echo", "hi"],
        Labels: { a: "b" },
        HostConfig: { Memory: 64 << 20, Binds: ["/tmp:/x:ro"] },
      },
      { name: "web" },
    );
    expect(await containers.list()).toEqual([]);
    const [row] = await containers.list({ all: true });
    expect([row?.Names, row?.State, row?.Status, row?.Command]).toEqual([
      ["/web"],
      "created",
      "Created",
      "echo hi",
    ]);
    const details = await containers.inspect("web");
    expect(details.HostConfig.Memory).toBe(64 << 20);
    expect(details.Mounts[0]).toMatchObject({ Source: "/tmp", Destination: "/x", RW: false });
    expect(details.Config.Labels).toEqual({ made: "here", a: "b" });
    const { exit } = await containers.beginWait(id, { condition: "next-exit" });
    const started = await containers.start("web");
    expect(started).toMatchObject({ isRunningAlready: false, timing: { TotalMs: 4.5 } });
    expect(await exit).toEqual({ StatusCode: 0 });
    expect((await containers.inspect(id)).State).toMatchObject({
      Status: "exited",
      Running: false,
      ExitCode: 0,
    });
    await containers.remove(id);
    expect(containers.inspect(id)).rejects.toMatchObject({
      kind: "not-found",
      message: `No such container: ${id}`,
    });
  });
});
