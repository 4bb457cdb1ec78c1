import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { RawBuildClient, servingFiles } from "../support/buildkit-client.ts";
import { copyDefaults, DefinitionWriter, type Input, type TestDefinition } from "../support/definitions.ts";
import { busyboxRootfsTar } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

let host: Installation;
let count = 0;

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
});

afterAll(async () => {
  if (isRoot) await host[Symbol.asyncDispose]();
});

const files = { Dockerfile: "no", "a.txt": "a", "d/b.txt": "b", "d/c.md": "c" };

/** Builds as an image; its name. */
async function build(
  definition: TestDefinition,
  { entitlements = [] }: { readonly entitlements?: readonly string[] } = {},
): Promise<string> {
  const id = `session-${count++}`;
  using client = await RawBuildClient.open(join(host.runRoot, "tare.sock"), {
    id,
    files: servingFiles(files),
  });
  const name = `made:${id}`;
  const config = { config: { Cmd: ["cat", "/result"], Labels: { by: "us" } }, history: [] };
  await client.solveRequest({
    Ref: `ref-${id}`,
    Session: id,
    Definition: definition,
    Entitlements: entitlements,
    Exporters: [
      { Type: "moby", Attrs: { name, "containerimage.config": JSON.stringify({ ...config, os: "linux" }) } },
    ],
  });
  return name;
}

/** What a script prints in the image of a definition. */
async function show(name: string, script: string): Promise<string> {
  return await host.must(["run", "--rm", "--network", "none", name, "sh", "-c", script]);
}

const base = (writer: DefinitionWriter): Input => writer.source("docker-image://docker.io/library/base:1");

describe.skipIf(!isRoot)("definitions of other clients", () => {
  test("exec runs on an image, with its metadata; the result has the configuration of the exporter", async () => {
    const writer = new DefinitionWriter();
    const run = writer.exec(
      [base(writer)],
      ["/bin/sh", "-c", "echo $A-$PWD-$(hostname)-$(id -u) > /result; exit 3"],
      {
        meta: { env: ["PATH=/bin", "A=1"], cwd: "/tmp", hostname: "named", validExitCodes: [3] },
      },
    );
    const name = await build(writer.finish(run));
    expect(await host.must(["run", "--rm", "--network", "none", name])).toBe("1-/tmp-named-0");
    const text = await host.must(["image", "inspect", name]);
    const [inspected] = JSON.parse(text);
    expect(inspected.Config.Labels).toEqual({ by: "us" });
    expect(inspected.RootFS.Layers.length).toBe(2);
    expect(Date.parse(inspected.Created)).toBeGreaterThan(Date.now() - 3_600_000);
  });

  test("file makes, copies, removes and links", async () => {
    const writer = new DefinitionWriter();
    const local = writer.source("local://context", { "local.includepattern": '["d"]' });
    let last = writer.file([base(writer)], {
      mkdir: {
        path: "/m/n",
        mode: 0o750,
        makeParents: true,
        timestamp: 1_000_000_000,
        owner: { user: { byID: 5 } },
      },
    });
    last = writer.file([last], {
      mkfile: { path: "/m/f", mode: 0o600, data: Buffer.from("f"), timestamp: -1 },
    });
    last = writer.file([last, local], {
      copy: {
        ...copyDefaults,
        src: "/d/*.txt",
        dest: "/m/",
        modeStr: "a+x",
        owner: { user: { byName: { name: "root", input: 0 } } },
      },
    });
    last = writer.file([last, local], {
      copy: { ...copyDefaults, dirCopyContents: false, src: "/d", dest: "/m", exclude_patterns: ["*.txt"] },
    });
    last = writer.file([last, local], {
      copy: { ...copyDefaults, src: "/", dest: "/only", include_patterns: ["d/c.md"] },
    });
    last = writer.file([last], { symlink: { oldpath: "f", newpath: "/m/l", timestamp: -1 } });
    last = writer.file([last], { rm: { path: "/bin/vi" } });
    last = writer.file([last], { rm: { path: "/m/*.none", allowWildcard: true, allowNotFound: true } });
    const name = await build(writer.finish(last));
    const listing = await show(
      name,
      "stat -c '%n %a %u %g' /m /m/n /m/f /m/b.txt /m/d/c.md; stat -c %Y /m/n; readlink /m/l; ls /bin/vi 2>&1; find /only; ls /m/d",
    );
    expect(listing.split("\n")).toEqual([
      "/m 750 5 5",
      "/m/n 750 5 5",
      "/m/f 600 0 0",
      "/m/b.txt 755 0 0",
      "/m/d/c.md 644 0 0",
      "1",
      "f",
      "ls: /bin/vi: No such file or directory",
      "/only",
      "/only/d",
      "/only/d/c.md",
      "c.md",
    ]);
  });

  test("several actions of one operation use the results of those before them", async () => {
    const writer = new DefinitionWriter();
    const one = writer.op({
      inputs: [base(writer)],
      file: {
        actions: [
          {
            input: 0,
            secondaryInput: -1,
            output: -1,
            mkfile: { path: "/result", mode: 0o644, data: Buffer.from("1"), timestamp: -1 },
          },
          {
            input: 1,
            secondaryInput: 1,
            output: 0,
            copy: { ...copyDefaults, src: "/result", dest: "/again" },
          },
        ],
      },
    });
    expect(await show(await build(writer.finish(one)), "cat /result /again")).toBe("11");
  });

  test("merge puts layers on top of each other; diff has what changed, and what was removed", async () => {
    const writer = new DefinitionWriter();
    const start = base(writer);
    const changed = writer.sh(start, "echo new > /etc/new; rm /bin/vi; echo x > /x");
    const diff = writer.op({ inputs: [start, changed], diff: { lower: { input: 0 }, upper: { input: 1 } } });
    // Not on top of each other: the trees are compared.
    const other = writer.sh(start, "echo other > /x; touch /y");
    const difference = writer.op({
      inputs: [changed, other],
      diff: { lower: { input: 0 }, upper: { input: 1 } },
    });
    const fresh = writer.sh(start, "echo fresh > /fresh");
    const merged = writer.op({
      inputs: [fresh, diff, difference],
      merge: { inputs: [{ input: 0 }, { input: 1 }, { input: 2 }] },
    });
    const name = await build(writer.finish(merged));
    expect(await show(name, "cat /fresh /x; ls /etc/new /y /bin/vi 2>&1 || true")).toBe(
      "fresh\nother\nls: /etc/new: No such file or directory\n/bin/vi\n/y",
    );
  });

  test("mounts of exec show other file systems; one that is written becomes a result", async () => {
    const writer = new DefinitionWriter();
    const start = base(writer);
    const tools = writer.sh(start, "mkdir /t; echo tool > /t/tool; echo old > /t/old");
    const mounts = [
      { dest: "/tools", input: 1, selector: "/t", output: -1, readonly: true },
      { dest: "/out", input: -1, output: 1 },
      { dest: "/all", input: 1, selector: "/t", output: 2 },
      { dest: "/tmpfs", input: -1, output: -1, mountType: 4, TmpfsOpt: { size: 4096 } },
      { dest: "/cache", input: -1, output: -1, mountType: 3, cacheOpt: { ID: "cache", sharing: 2 } },
    ];
    const script =
      "cat /tools/tool > /out/result; touch /tools/no || true; rm /all/old; echo new > /all/new; echo $(ls /cache) >> /out/result; touch /cache/kept; grep -c ' /tmpfs tmpfs' /proc/mounts >> /out/result";
    const run = writer.exec([start, tools], ["/bin/sh", "-c", script], { mounts });
    const out = { ...run, index: 1 };
    const all = { ...run, index: 2 };
    const joined = writer.file([start, out], { copy: { ...copyDefaults, src: "/", dest: "/" } });
    const both = writer.file([joined, all], { copy: { ...copyDefaults, src: "/t", dest: "/t" } });
    expect(
      await show(await build(writer.finish(both)), "cat /result; ls /t; ls /bin | grep -c busybox"),
    ).toBe("tool\n\n1\nnew\ntool\n1");
    // All three results come from the cache.
    const again = await build(writer.finish(both));
    expect(await show(again, "cat /result")).toBe("tool\n\n1");
  });

  test("a local source can be what a program runs on top of", async () => {
    const writer = new DefinitionWriter();
    const local = writer.source("local://context", { "local.excludepatterns": '["d"]' });
    const merged = writer.op({
      inputs: [base(writer), local],
      merge: { inputs: [{ input: 0 }, { input: 1 }] },
    });
    const run = writer.sh(merged, "cat /a.txt > /result");
    expect(await show(await build(writer.finish(run)), "cat /result; ls -d /d")).toContain("a");
  });

  test("what a step fails with names the operation and its place in the source", async () => {
    const writer = new DefinitionWriter();
    const run = writer.exec([base(writer)], ["/bin/sh", "-c", "exit 7"]);
    const ranges = [{ start: { line: 3, character: 1 }, end: { line: 3, character: 9 } }];
    const definition = writer.finish(run, {
      Source: {
        infos: [{ filename: "build.go", data: Buffer.from("text"), language: "go" }],
        locations: { [run.digest ?? ""]: { locations: [{ sourceIndex: 0, ranges }] } },
      },
    });
    expect(build(definition)).rejects.toThrow(/did not complete successfully: exit code: 7/);
  });

  const refused: readonly (readonly [string, (writer: DefinitionWriter) => Input, RegExp])[] = [
    [
      "host network without the entitlement",
      (writer) => writer.exec([base(writer)], ["true"], { op: { network: 1 } }),
      /network\.host is not allowed/,
    ],
    [
      "more rights without the entitlement",
      (writer) => writer.exec([base(writer)], ["true"], { op: { security: 1 } }),
      /security\.insecure is not allowed/,
    ],
    [
      "a source that is not known",
      (writer) => writer.source("gopher://x"),
      /sources of type gopher are not supported/,
    ],
    ["a result that is none", (writer) => writer.source("tare-result://../../x"), /its build has ended/],
    [
      "removal of the root",
      (writer) => writer.file([base(writer)], { rm: { path: "/../.." } }),
      /cannot remove \//,
    ],
    [
      "removal of what is not there",
      (writer) => writer.file([base(writer)], { rm: { path: "/none" } }),
      /cannot remove \/none: no such file or directory/,
    ],
    [
      "a file in a directory that is not there",
      (writer) => writer.file([base(writer)], { mkfile: { path: "/none/f", mode: 0o644, timestamp: -1 } }),
      /no such directory: \/none/,
    ],
    [
      "a link in the place of a file",
      (writer) =>
        writer.file([base(writer)], { symlink: { oldpath: "a", newpath: "/bin/busybox", timestamp: -1 } }),
      /file exists/,
    ],
    [
      "a pattern without a match",
      (writer) =>
        writer.file([base(writer), base(writer)], { copy: { ...copyDefaults, src: "/none*", dest: "/x" } }),
      /not found/,
    ],
    [
      "a pattern of files that is none",
      (writer) => writer.source("local://context", { "local.includepattern": "{" }),
      /local\.includepattern is no list of patterns/,
    ],
  ];
  test.each(refused)("%s is refused with one sentence", async (_, make, message) => {
    const writer = new DefinitionWriter();
    expect(build(writer.finish(make(writer)))).rejects.toThrow(message);
  });

  test("devices of exec are CDI devices: missing ones are left out where they are optional", async () => {
    const withDevice = (optional: boolean): TestDefinition => {
      const writer = new DefinitionWriter();
      const op = { cdiDevices: [{ name: "tare.test/none=a", optional }] };
      return writer.finish(writer.exec([base(writer)], ["/bin/touch", "/result"], { op }));
    };
    expect(await show(await build(withDevice(true)), "ls /result")).toBe("/result");
    expect(build(withDevice(false), { entitlements: ["device"] })).rejects.toThrow(
      'required device "tare.test/none=a" is not registered',
    );
  });
});
