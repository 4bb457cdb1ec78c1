import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { answerOf, type ApiAnswer } from "../support/ask-api.ts";
import { busyboxArchive, busyboxRootfsTar, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** Names that every plain object has, or that change it. */
const inherited = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "__defineGetter__"];

/** What a client sends wrongly is a 400 with one sentence, never a 500. */
describe.skipIf(!isRoot)("bad input", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["create", "--name", "web", "busybox"]); // to be linked to
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const send = (
    method: string,
    path: string,
    { body, type = "application/json" }: { readonly body?: Uint8Array | string; readonly type?: string } = {},
  ): Promise<ApiAnswer> => {
    const sent = request({ socketPath: tare.socket, method, path, headers: { "content-type": type } });
    sent.end(body);
    return answerOf(sent);
  };
  const post = (path: string, value: unknown): Promise<ApiAnswer> =>
    send("POST", path, { body: JSON.stringify(value) });
  const create = (value: object): Promise<ApiAnswer> =>
    post("/containers/create", { Image: "busybox", Cmd: ["true"], ...value });
  const load = (archive: Uint8Array): Promise<ApiAnswer> =>
    send("POST", "/images/load", { body: archive, type: "application/x-tar" });

  test.each([
    [{ BlkioDeviceWriteBps: [{}] }, "BlkioDeviceWriteBps: Path"],
    [{ BlkioDeviceReadIOps: [{ Rate: 5 }] }, "BlkioDeviceReadIOps: Path"],
    [{ BlkioDeviceReadBps: [{ Path: "", Rate: 5 }] }, "BlkioDeviceReadBps: Path"],
    [{ BlkioDeviceWriteIOps: [{ Path: "/dev/\0null", Rate: 5 }] }, "BlkioDeviceWriteIOps"],
    [{ BlkioDeviceWriteBps: [null] }, "BlkioDeviceWriteBps"],
    [{ BlkioWeightDevice: [{}] }, "BlkioWeightDevice: Path"],
    [{ BlkioWeightDevice: [{ Path: "relative", Weight: 100 }] }, "BlkioWeightDevice: Path"],
    [{ BlkioWeightDevice: [{ Path: "/dev/no-such-device", Weight: 100 }] }, "no-such-device"],
  ])("limits of block devices: %p", async (HostConfig, expected) => {
    const { status, text } = await create({ HostConfig });
    expect({ text, status }).toEqual({ text: expect.stringContaining(expected), status: 400 });
  });

  test.each([
    [{ DnsOptions: ["ndots:1\nnameserver 192.0.2.1"] }, "invalid DNS option"],
    [{ DnsOptions: ["ndots:1\u0001"] }, "invalid DNS option"],
    [{ DnsOptions: ["two words"] }, "invalid DNS option"],
    [{ DnsOptions: [""] }, "invalid DNS option"],
    [{ DnsSearch: ["example.org\nnameserver 192.0.2.1"] }, "is not a valid domain"],
    [{ Dns: ["192.0.2.1\nsearch evil.example"] }, "is not an ip address"],
    [{ ExtraHosts: ["name\n192.0.2.1 other:192.0.2.2"] }, "bad format for add-host"],
    [{ ExtraHosts: ["name:192.0.2.2\n192.0.2.1 other"] }, "bad format for add-host"],
    [{ ExtraHosts: ["na\u0001me:192.0.2.2"] }, "bad format for add-host"],
    [{ Links: ["web:alias\n192.0.2.1 other"] }, "bad format for links"],
    [{ Links: ["web:two words"] }, "bad format for links"],
    [{ DnsOptions: ["ndots:1\0"] }, "NUL"],
    [{ ExtraHosts: ["na\0me:192.0.2.2"] }, "NUL"],
  ])("what would be a line of its own in a file of the container: %p", async (HostConfig, expected) => {
    const { status, text } = await create({ HostConfig });
    expect({ text, status }).toEqual({ text: expect.stringContaining(expected), status: 400 });
  });

  test.each([{ Hostname: "a\nb" }, { Hostname: "a\n" }, { Domainname: "b\nc" }, { Domainname: "b\0" }])(
    "names with line breaks: %p",
    async (config) => expect((await create(config)).status).toBe(400),
  );

  const withLayer = (layer: Uint8Array): Uint8Array => {
    const layers = [readFileSync(busyboxRootfsTar()), Buffer.from(layer)];
    return tarOf(dockerArchiveMembers([{ layers, names: ["bad:latest"] }]));
  };
  /** Archives that are unusual and right. */
  const taken: ReadonlySet<string> = new Set([
    "a time that no kernel knows",
    "a hard link through a symbolic link",
  ]);
  test.each<[string, () => Uint8Array]>([
    ["no archive at all", () => Buffer.from("this is no archive".repeat(100))],
    ["nothing", () => new Uint8Array()],
    ["a torn archive", () => readFileSync(busyboxArchive()).subarray(0, 200_000)],
    ["an archive without an image", () => tarOf([["file", "text"]])],
    ["a manifest that is no JSON", () => tarOf([["manifest.json", "{"]])],
    ["a manifest of other things", () => tarOf([["manifest.json", '[{"Config":5}]']])],
    [
      "a manifest whose files are missing",
      () => tarOf([["manifest.json", '[{"Config":"c","Layers":["l"]}]']]),
    ],
    ["a path with NUL", () => withLayer(new TarBuilder().pax({ path: "a\0b" }).file("file").end())],
    [
      "a link target with NUL",
      () => withLayer(new TarBuilder().pax({ linkpath: "a\0b" }).symlink("l", "x").end()),
    ],
    [
      "an attribute's name with NUL",
      () => withLayer(new TarBuilder().pax({ "SCHILY.xattr.user.a\0b": "x" }).file("f").end()),
    ],
    ["a negative owner", () => withLayer(new TarBuilder().pax({ uid: "-1" }).file("file").end())],
    [
      "an owner of base 256 that is negative",
      () =>
        withLayer(
          new TarBuilder().file("file", "", { fields: [[108, "\xff\xff\xff\xff\xff\xff\xff\xff"]] }).end(),
        ),
    ],
    [
      "an owner beyond 32 bits",
      () => withLayer(new TarBuilder().pax({ gid: "4294967296" }).file("file").end()),
    ],
    [
      "a huge time",
      () => withLayer(new TarBuilder().pax({ mtime: "99999999999999999999" }).file("file").end()),
    ],
    [
      "a time that no kernel knows",
      () => withLayer(new TarBuilder().pax({ mtime: "999999999999999" }).file("file").end()),
    ],
    [
      "a hard link through a symbolic link",
      () =>
        withLayer(new TarBuilder().directory("d").file("d/f").symlink("s", "d").hardlink("h", "s/f").end()),
    ],
    [
      "a hard link through a link to the host",
      () => withLayer(new TarBuilder().symlink("s", "/").hardlink("h", "s/etc/passwd").end()),
    ],
    ["a hard link to nothing", () => withLayer(new TarBuilder().hardlink("h", "nothing").end())],
    ["a path that leads out", () => withLayer(new TarBuilder().file("../out").end())],
    ["an entry below a file", () => withLayer(new TarBuilder().file("f").file("f/g").end())],
  ])("an archive to load: %s", async (name, build) => {
    const { status, text } = await load(build());
    const said = text.trim().split("\n").at(-1) ?? "";
    if (taken.has(name)) return expect([status, text.includes("error")]).toEqual([200, false]);
    expect({ said, status: status === 200 ? "in the stream" : status }).toEqual({
      said: expect.stringMatching(/^\{"(message|errorDetail)".*cannot /s),
      status: status === 200 ? "in the stream" : 400,
    });
  });

  test("a torn archive to import, and one to copy into a container", async () => {
    const torn = readFileSync(busyboxRootfsTar()).subarray(0, 100_000);
    const imported = await send("POST", "/images/create?fromSrc=-", {
      body: torn,
      type: "application/x-tar",
    });
    expect(imported).toEqual({ status: 400, text: expect.stringContaining("cannot ") });
    const { Id } = JSON.parse((await create({})).text) as { readonly Id: string };
    const copied = await send("PUT", `/containers/${Id}/archive?path=/tmp`, {
      body: torn,
      type: "application/x-tar",
    });
    expect(copied).toEqual({ status: 400, text: expect.stringContaining("cannot ") });
    await tare.must(["rm", Id]);
  });

  test("names that objects inherit are labels, variables, options and filters like any other", async () => {
    const Labels = JSON.parse(`{${inherited.map((name) => `"${name}":"1"`).join()}}`) as object;
    const made = await create({ Labels, Env: inherited.map((name) => `${name}=1`) });
    expect(made.status).toBe(201);
    const { Id } = JSON.parse(made.text) as { readonly Id: string };
    const { Config } = JSON.parse((await send("GET", `/containers/${Id}/json`)).text) as {
      readonly Config: { readonly Labels: object; readonly Env: readonly string[] };
    };
    for (const name of inherited)
      expect(Object.getOwnPropertyDescriptor(Config.Labels, name)?.value).toBe("1");
    for (const name of inherited) expect(Config.Env).toContain(`${name}=1`);
    const plain = JSON.parse((await create({})).text) as { readonly Id: string };
    for (const name of inherited) {
      const filters = encodeURIComponent(JSON.stringify({ label: [name] }));
      const found = JSON.parse((await send("GET", `/containers/json?all=1&filters=${filters}`)).text) as {
        readonly Id: string;
      }[];
      expect(found.map((each) => each.Id)).toEqual([Id]);
    }
    await tare.must(["rm", Id, plain.Id]);
  });

  test.each(inherited)(
    "%s is no known filter, driver, signal, capability, limit, option or share",
    async (name) => {
      const key = `{"${name}":["x"]}`;
      for (const path of ["/containers/json", "/images/json", "/volumes", "/networks"])
        expect([path, (await send("GET", `${path}?filters=${encodeURIComponent(key)}`)).status]).toEqual([
          path,
          400,
        ]);
      // dockerd ignores unknown filters of events.
      const events = await send("GET", `/events?until=1&filters=${encodeURIComponent(key)}`);
      expect([events.status, events.text]).toEqual([200, ""]);
      const hostConfigs: readonly object[] = [
        { LogConfig: { Type: name } },
        { LogConfig: { Type: "json-file", Config: JSON.parse(`{"${name}":"1"}`) as object } },
        { Ulimits: [{ Name: name, Soft: 1, Hard: 1 }] },
        { CapAdd: [name] },
        { RestartPolicy: { Name: name } },
        { Mounts: [{ Type: name, Source: "/", Target: "/x" }] },
        { IpcMode: name },
        { PidMode: name },
        { UsernsMode: name },
        { CgroupnsMode: name },
        { Sysctls: JSON.parse(`{"${name}":"1"}`) as object },
        { SecurityOpt: [`${name}=1`] },
      ];
      for (const HostConfig of hostConfigs) {
        const { status, text } = await create({ HostConfig });
        expect([HostConfig, status >= 400 && status !== 500, text]).toEqual([HostConfig, true, text]);
      }
      expect((await create({ StopSignal: name })).status).toBe(400);
      expect((await post("/volumes/create", { Name: "some", Driver: name })).status).toBeLessThan(500);
      expect((await post("/networks/create", { Name: "some", Driver: name })).status).toBeLessThan(500);
      expect((await post("/tare/pods/create", { Name: "some", Share: [name] })).status).toBeLessThan(500);
      for (const path of [`/${name}`, `/containers/${name}/json`, `/volumes/${name}`, `/networks/${name}`])
        expect([path, (await send("GET", path)).status]).toEqual([path, 404]);
      // Most are no name of an image: "invalid reference format".
      expect([400, 404]).toContain((await send("GET", `/images/${name}/json`)).status);
      expect((await send("GET", `/containers/json?${name}=1`)).status).toBe(200);
    },
  );

  test("terminal escapes of an image and a container are quoted in what is shown", async () => {
    const escape = "\u001b]0;title\u0007\u009b2Jgrün";
    const quoted = "\\u001b]0;title\\u0007\\u009b2Jgrün";
    const config = {
      Labels: { evil: escape },
      Cmd: ["sh", "-c", `: ${escape}; : > /tmp/${escape.slice(0, 3)}`],
    };
    const image = { layers: [readFileSync(busyboxRootfsTar())], names: ["hostile:latest"], config };
    expect((await load(tarOf(dockerArchiveMembers([image])))).status).toBe(200);
    await tare.must(["run", "--name", "shown", "hostile"]);
    await tare.must(["commit", "-m", escape, "shown", "again"]);
    const shown: readonly (readonly [args: readonly string[], holds: string])[] = [
      [["history", "--no-trunc", "again"], quoted],
      [["ps", "-a", "--no-trunc"], quoted],
      [["ps", "-a", "--format", '{{.Label "evil"}} {{.Labels}} {{.Command}}'], quoted],
      [["ps", "-a", "--format", "table {{.Names}}\t{{.Labels}}"], quoted],
      [["inspect", "-f", "{{.Config.Labels}}", "shown"], quoted],
      [["diff", "shown"], "/tmp/\\u001b]0"],
      [["image", "tree"], "again"],
      [["events", "--since", "1h", "--until", "0s"], quoted],
    ];
    for (const [args, holds] of shown) {
      const { status, stdout, stderr } = await tare.tare(args);
      // oxlint-disable-next-line no-control-regex
      expect([
        args,
        status,
        stdout,
        /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(stdout + stderr),
      ]).toEqual([args, 0, expect.stringContaining(holds), false]);
    }
    // In failures: of the command line itself, and of an exec, which comes as its output.
    await tare.must(["run", "-d", "--name", "live", "busybox", "sleep", "1000"]);
    for (const args of [
      ["run", "--rm", "busybox", escape],
      ["cp", `live:/${escape}`, "-"],
      ["exec", "live", escape],
    ]) {
      const { status, stderr } = await tare.tare(args);
      expect([args, status === 0, stderr]).toEqual([args, false, expect.stringContaining(quoted)]);
      expect(stderr).not.toMatch(/[\u001b\u0007\u009b]/);
    }
    await tare.must(["rm", "-f", "live"]);
    await tare.must(["rm", "shown"]);
    await tare.must(["rmi", "again", "hostile"]);
  });
});
