import { beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeDocker } from "../support/docker-host.ts";

describeDocker("docker-cli with volumes and mounts", (host) => {
  let directory: string;

  beforeAll(() => {
    directory = join(host.tare.directory, "host");
    mkdirSync(directory);
    writeFileSync(join(directory, "file"), "of the host\n");
  });

  test("volume create, ls, inspect, rm, prune", async () => {
    expect(await host.docker.must(["volume", "create", "--label", "kind=test", "data"])).toBe("data");
    expect(
      await host.docker.must(["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "memory"]),
    ).toBe("memory");
    const anonymous = await host.docker.must(["volume", "create"]);
    expect(anonymous).toMatch(/^[0-9a-f]{64}$/);
    expect(await host.docker.must(["volume", "ls", "--filter", "name=data"])).toBe(
      "DRIVER    VOLUME NAME\nlocal     data",
    );
    expect(await host.docker.must(["volume", "ls", "-q", "--filter", "label=kind=test"])).toBe("data");
    expect(
      await host.docker.must([
        "volume",
        "ls",
        "--format",
        "{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}} {{.Size}}",
        "--filter",
        "name=data",
      ]),
    ).toBe("data local local kind=test N/A");
    expect(
      await host.docker.must([
        "volume",
        "inspect",
        "-f",
        "{{.Mountpoint}} {{.Labels}} {{.Options}}",
        "memory",
      ]),
    ).toBe(`${host.tare.dataRoot}/volumes/memory/_data map[] map[device:tmpfs type:tmpfs]`);
    expect(await host.docker.must(["inspect", "--type", "volume", "-f", "{{.Name}}", "data"])).toBe("data");
    expect(await host.docker.run(["volume", "inspect", "nope"])).toMatchObject({
      code: 1,
      stderr: "Error response from daemon: get nope: no such volume\n",
    });
    expect(await host.docker.run(["volume", "create", "x"])).toMatchObject({
      code: 1,
      stderr:
        "Error response from daemon: create x: volume name is too short, names should be at least two alphanumeric characters\n",
    });
    const id = await host.docker.must(["create", "-v", "data:/x", "busybox"]);
    expect(await host.docker.run(["volume", "rm", "data"])).toMatchObject({
      code: 1,
      stderr: `Error response from daemon: remove data: volume is in use - [${id}]\n`,
    });
    await host.docker.must(["rm", id]);
    expect(await host.docker.must(["volume", "prune", "-f"])).toMatch(
      new RegExp(`^Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: `),
    );
    expect(await host.docker.must(["volume", "prune", "-a", "-f", "--filter", "label!=kind"])).toContain(
      "Deleted Volumes:\nmemory\n",
    );
    expect(
      await host.docker.must(["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}"]),
    ).toContain("Local Volumes 1 0");
    expect(await host.docker.must(["volume", "rm", "data"])).toBe("data");
    expect(await host.docker.must(["volume", "rm", "-f", "data"])).toBe("data");
  });

  test.each([
    [["-v", "vol:/x"], "ls -A /x", ""],
    [["-v", "vol:/etc:nocopy"], "ls -A /etc/passwd 2>/dev/null || echo none", "none"],
    [["-v", "fresh:/etc"], "head -c 4 /etc/passwd", "root"],
    [
      ["--mount", "type=volume,src=fresh,dst=/x,readonly"],
      "touch /x/y 2>/dev/null || echo refused; ls /x/passwd",
      "refused\n/x/passwd",
    ],
    [["--mount", "type=volume,dst=/x,volume-label=a=b"], "touch /x/y && echo wrote", "wrote"],
    [["--tmpfs", "/t:size=1m,mode=700"], "stat -c %a /t; df -k /t | tail -1 | awk '{print $2}'", "700\n1024"],
    [["--mount", "type=tmpfs,dst=/t,tmpfs-mode=1770,tmpfs-size=1m"], "stat -c %a /t", "1770"],
  ] as const)("run with %j", async (options, script, said) => {
    expect(await host.docker.must(["run", "--rm", ...options, "busybox", "sh", "-c", script])).toBe(said);
  });

  test("run with binds of the host", async () => {
    const run = (option: string): Promise<string> =>
      host.docker.must([
        "run",
        "--rm",
        "--mount",
        `type=bind,src=${directory},dst=/h${option}`,
        "busybox",
        "cat",
        "/h/file",
      ]);
    for (const option of [
      "",
      ",readonly",
      ",bind-propagation=rprivate",
      ",bind-recursive=disabled",
      ",ro,bind-recursive=writable",
      ",consistency=cached",
    ]) {
      expect(await run(option)).toBe("of the host");
    }
    const missing = await host.docker.run([
      "run",
      "--rm",
      "--mount",
      `type=bind,src=${directory}/none,dst=/h`,
      "busybox",
      "true",
    ]);
    expect([missing.code, missing.stderr.split("\n")[0]]).toEqual([
      125,
      `docker: Error response from daemon: invalid mount config for type "bind": bind source path does not exist: ${directory}/none.`,
    ]);
    const twice = await host.docker.run([
      "run",
      "--rm",
      "-v",
      `${directory}:/h`,
      "--mount",
      `type=bind,src=${directory},dst=/h`,
      "busybox",
      "true",
    ]);
    expect([twice.code, twice.stderr.split("\n")[0]]).toEqual([
      125,
      "docker: Error response from daemon: Duplicate mount point: /h.",
    ]);
  });

  test("--volumes-from, inspect, ps, rm -v", async () => {
    await host.docker.must([
      "create",
      "--name",
      "giver",
      "-v",
      "/anonymous",
      "-v",
      "given:/given",
      "-v",
      `${directory}:/h:ro`,
      "busybox",
    ]);
    expect(
      await host.docker.must([
        "run",
        "--rm",
        "--volumes-from",
        "giver",
        "busybox",
        "sh",
        "-c",
        "touch /given/x /anonymous/x; cat /h/file",
      ]),
    ).toBe("of the host");
    const mounts = await host.docker.must([
      "inspect",
      "-f",
      "{{range .Mounts}}{{.Type}} {{.Destination}} [{{.Mode}}] {{.RW}} [{{.Propagation}}]\n{{end}}",
      "giver",
    ]);
    // Docker's client gives the values of -v in no order.
    expect(mounts.split("\n").sort()).toEqual([
      "bind /h [ro] false [rprivate]",
      "volume /anonymous [] true []",
      "volume /given [z] true []",
    ]);
    expect(
      await host.docker.must([
        "ps",
        "-a",
        "--filter",
        "volume=given",
        "--format",
        "{{.Names}} {{.LocalVolumes}}",
      ]),
    ).toBe("giver 2");
    const before = (await host.docker.must(["volume", "ls", "-q"])).split("\n");
    await host.docker.must(["rm", "-v", "giver"]);
    const after = (await host.docker.must(["volume", "ls", "-q"])).split("\n");
    expect(before.filter((name) => !after.includes(name)).map((name) => name.length)).toEqual([64]);
    expect(after).toContain("given");
  });
});
