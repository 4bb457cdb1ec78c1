import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { connectTo } from "../../src/library/connected-engine.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot, mountTable } from "../support/tare.ts";

const value = "c0rrect-horse-battery";

describe.skipIf(!isRoot)("secrets", () => {
  let tare: Installation;
  const sh = (script: string, ...flags: string[]) =>
    tare.must(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);
  const make = (name: string, text: string, ...flags: string[]) =>
    tare.must(["secret", "create", ...flags, name, "-"], { input: text });
  const refused = async (args: readonly string[], status: number): Promise<string> => {
    const ended = await tare.tare(args);
    expect([args, ended.status, ended.stdout]).toEqual([args, status, ""]);
    return ended.stderr;
  };
  /** Files of the installation that have the text in them. */
  const filesWith = (text: string): readonly string[] =>
    spawnSync("grep", ["-rlaF", "--exclude-dir=lib", text, tare.dataRoot, tare.runRoot], { encoding: "utf8" })
      .stdout.split("\n")
      .filter((path) => path !== "");

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await make("password", value);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  test("are made of a file, standard input and a variable, listed, inspected and removed", async () => {
    const file = join(tare.directory, "value");
    writeFileSync(file, "of a file\n");
    const id = await tare.must(["secret", "create", "--label", "team=web", "one", file]);
    expect(id).toMatch(/^[0-9a-f]{25}$/);
    await tare.must(["secret", "create", "--env", "two", "HOME"], { env: { HOME: "/here" } });
    expect(await refused(["secret", "create", "one", file], 1)).toContain("one: secret name in use");
    expect(await tare.must(["secret", "ls", "--format", "{{.Name}} {{.Driver}}"])).toBe(
      "one file\npassword file\ntwo file",
    );
    expect(await tare.must(["secret", "ls", "-q", "--filter", "name=^o"])).toBe(id);
    expect(await tare.must(["secret", "ls", "-q", "--filter", "label=team=web"])).toBe(id);
    expect(await tare.must(["secret", "ls", "-n", "--filter", `id=${id.slice(0, 6)}`])).toMatch(
      new RegExp(`^${id} +one +file +(Less than a second|\\d+ seconds?|About a minute) ago`),
    );
    expect(await tare.must(["secret", "ls", "--filter", "name=nobody"])).toBe(
      "ID        NAME      DRIVER    CREATED   UPDATED",
    );
    expect(await refused(["secret", "ls", "--filter", "odd=1"], 1)).toBe('tare: invalid filter "odd"\n');
    const [shown] = JSON.parse(await tare.must(["secret", "inspect", "one"])) as unknown[];
    expect(shown).toEqual({
      ID: id,
      CreatedAt: expect.any(String) as string,
      UpdatedAt: expect.any(String) as string,
      Spec: { Name: "one", Driver: { Name: "file", Options: {} }, Labels: { team: "web" } },
    });
    const data = ["secret", "inspect", "--showsecret", "--format", "{{.SecretData}}"];
    expect(await tare.must([...data, id.slice(0, 8)])).toBe("of a file");
    expect(await tare.must([...data, "two"])).toBe("/here");
    expect(await tare.must(["secret", "inspect", "--pretty", "--showsecret", "two"])).toMatch(
      /^ID: +\w{25}\nName: +two\nDriver: +file\nCreated at: .*\nUpdated at: .*\nSecret: +\/here$/,
    );
    expect((await tare.tare(["secret", "exists", "one"])).status).toBe(0);
    expect((await tare.tare(["secret", "exists", "three"])).status).toBe(1);
    expect(await tare.must(["secret", "rm", "one", "two"])).toContain(id);
    expect(await refused(["secret", "rm", "one"], 1)).toContain(
      'no secret with name or id "one": no such secret',
    );
    expect(await tare.must(["secret", "rm", "--ignore", "one"])).toBe("");
    expect(await refused(["secret", "rm"], 1)).toContain("requires one argument, or the --all flag");
    expect(await refused(["secret", "inspect", "one"], 1).catch(() => "")).toBe("");
  });

  test("what can't be one is refused in a sentence", async () => {
    const create = async (name: string, text: string, ...flags: string[]): Promise<string> => {
      const ended = await tare.tare(["secret", "create", ...flags, name, "-"], { input: text });
      expect(ended.status).toBe(1);
      return ended.stderr;
    };
    const tooLarge =
      "tare: cannot create the secret: secret data must be larger than 0 and less than 512000 bytes\n";
    expect(await create("large", "x".repeat(512_000))).toBe(tooLarge);
    expect(await create("large", "x".repeat(3_000_000))).toBe(tooLarge);
    expect(await create("empty", "")).toBe(tooLarge);
    expect(await create("a/b", "x")).toContain("can not include '=', '/', ','");
    expect(await create("other", "x", "--driver", "pass")).toContain(
      'there is no secret driver "pass", only "file"',
    );
    expect(await refused(["secret", "create", "--env", "x", "NO_SUCH_VARIABLE"], 1)).toContain(
      "environment variable NO_SUCH_VARIABLE is not set",
    );
    expect(await refused(["secret", "create", "x", "/no/such/file"], 1)).toContain("no such file");
    expect(await tare.must(["secret", "ls", "--format", "{{.Name}}"])).toBe("password");
    await make("whole", "x".repeat(511_999));
    expect(await sh("wc -c < /run/secrets/whole", "--secret", "whole")).toBe("511999");
    await tare.must(["secret", "rm", "whole"]);
  });

  test("are a file in memory that a container can't write to, with the owner and mode that were asked for", async () => {
    const look =
      "cat /run/secrets/password; stat -c ' %a %u:%g' /run/secrets/password; stat -f -c %T /run/secrets/password";
    expect(await sh(look, "--secret", "password")).toBe(`${value} 444 0:0\ntmpfs`);
    expect(
      await sh(
        "stat -c '%a %u:%g' /x/y; cat /x/y; touch /x/y || echo read-only",
        "--secret",
        "password,target=/x/y,uid=7,gid=8,mode=0400",
      ),
    ).toBe(`400 7:8\n${value}read-only`);
    expect(await sh("cat /run/secrets/a/b", "--secret", "password,target=a/b", "--user", "1000")).toBe(value);
    expect(await sh("cat /run/secrets/password", "--secret", "password", "--read-only")).toBe(value);
    expect(
      await sh(
        "cat /run/secrets/password",
        "--secret",
        "password",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/run/secrets",
      ),
    ).toBe(value);
    const mounts = await sh(
      "grep -c secrets /proc/self/mounts; ls /run/secrets",
      "--secret",
      "password",
      "--secret",
      "password,target=2nd",
    );
    expect(mounts).toBe("2\n2nd\npassword");
    expect(
      await sh(
        "stat -c '%u:%g' /run/secrets/password; cat /run/secrets/password",
        "--userns",
        "private",
        "--secret",
        "password,uid=5,gid=6",
      ),
    ).toBe(`5:6\n${value}`);
    expect(
      await refused(
        ["run", "--rm", "--userns", "private", "--secret", "password,uid=4000000", "busybox", "true"],
        125,
      ),
    ).toContain("the container's user namespace has no such id");
    const before = mountTable();
    await sh("true", "--secret", "password");
    expect(mountTable()).toBe(before);
  });

  test("are a variable of the first process and of execs, which inspect does not show", async () => {
    const flags = [
      "--secret",
      "password,type=env",
      "--secret",
      "password,type=env,target=TOKEN",
      "-e",
      "TOKEN=old",
    ];
    await tare.must(["run", "-d", "--name", "env", ...flags, "busybox", "sleep", "1000"]);
    for (const name of ["password", "TOKEN"])
      expect(await tare.must(["exec", "env", "sh", "-c", `echo $${name}`])).toBe(value);
    expect(
      await tare.must(["exec", "env", "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ | grep -c TOKEN"]),
    ).toBe("1");
    expect(await tare.must(["inspect", "env"])).not.toContain(value);
    expect(await tare.must(["inspect", "-f", "{{json .HostConfig.Tare.Secrets}}", "env"])).toBe(
      '[{"Source":"password","Type":"env"},{"Source":"password","Type":"env","Target":"TOKEN"}]',
    );
    await tare.must(["rm", "-f", "env"]);
    await make("binary", "a\0b");
    expect(await refused(["run", "--secret", "binary,type=env", "busybox", "true"], 125)).toContain(
      "its value has a NUL byte; give it as a file",
    );
    await make("long", "x".repeat(200_000));
    expect(await refused(["create", "--secret", "long,type=env", "busybox", "true"], 1)).toContain(
      "a variable has at most 131072 bytes; give it as a file",
    );
    expect(await tare.must(["ps", "-aq"])).toBe("");
    await tare.must(["secret", "rm", "binary", "long"]);
  });

  test("lie in one file of root alone, and nowhere else: no commit, export, diff, log, event or record has them", async () => {
    await tare.must([
      "run",
      "--name",
      "user",
      "--secret",
      "password",
      "--secret",
      "password,type=env",
      "busybox",
      "true",
    ]);
    await tare.must(["start", "-a", "user"]);
    await tare.must(["commit", "user", "copy"]);
    const stored = filesWith(value);
    expect(stored).toEqual([
      join(tare.dataRoot, "secrets", readdirSync(join(tare.dataRoot, "secrets"))[0] ?? ""),
    ]);
    expect(statSync(stored[0] ?? "").mode & 0o777).toBe(0o600);
    expect(statSync(join(tare.dataRoot, "secrets")).mode & 0o777).toBe(0o700);
    for (const args of [
      ["export", "user"],
      ["save", "copy"],
      ["diff", "user"],
      ["inspect", "user", "copy"],
      ["logs", "user"],
    ])
      expect((await tare.tare(args)).stdout).not.toContain(value);
    expect(await tare.must(["diff", "user"])).toContain("A /run/secrets");
    const events = await tare.must([
      "events",
      "--since",
      "0",
      "--until",
      String(Math.ceil(Date.now() / 1000)),
    ]);
    expect(events).toContain("secret create");
    expect(events).not.toContain(value);
    expect(readFileSync(join(tare.runRoot, "daemon.log"), "utf8")).not.toContain(value);
    await tare.must(["rm", "user"]);
    await tare.must(["rmi", "copy"]);
  });

  test("a container keeps the value that it was made with; it goes with the last who has it", async () => {
    const count = () => readdirSync(join(tare.dataRoot, "secrets")).length;
    const first = await make("changing", "first");
    await tare.must([
      "create",
      "--name",
      "old",
      "--secret",
      "changing",
      "--secret",
      "changing,type=env,target=V",
      "busybox",
      "sh",
      "-c",
      "cat /run/secrets/changing; echo $V",
    ]);
    const second = await make("changing", "second", "--replace");
    expect(second).not.toBe(first);
    const [times] = JSON.parse(await tare.must(["secret", "inspect", "changing"])) as {
      CreatedAt: string;
      UpdatedAt: string;
    }[];
    expect((times?.UpdatedAt ?? "") > (times?.CreatedAt ?? "")).toBe(true);
    expect(await sh("cat /run/secrets/changing", "--secret", "changing")).toBe("second");
    expect(await tare.must(["start", "-a", "old"])).toBe("firstfirst");
    expect(count()).toBe(3);
    expect(await tare.must(["secret", "rm", "changing"])).toBe(second);
    expect(count()).toBe(2);
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    expect(await tare.must(["start", "-a", "old"])).toBe("firstfirst");
    await tare.must(["rm", "old"]);
    expect(count()).toBe(1);
    expect(await refused(["create", "--secret", "changing", "busybox"], 1)).toContain("no such secret");
    expect(await refused(["create", "--secret", "password,target=/proc/x", "busybox"], 1)).toContain(
      "kernel file system",
    );
    expect(
      await refused(["create", "--secret", "password,target=/x", "-v", "/tmp:/x", "busybox"], 1),
    ).toContain("duplicate mount point: /x");
    expect(await refused(["create", "--secret", "password,odd=1", "busybox"], 125)).toContain(
      'unknown option "odd=1"',
    );
  });

  test.each([
    ["an absolute link out of the container", "ln -s CANARY /run/secrets"],
    ["a link that goes up", "ln -s ../../../../../../..CANARY /run/secrets"],
    ["a link through /proc", "ln -s /proc/self/root/../../..CANARY /run/secrets"],
    ["a link to a mount", "ln -s /mounted /run/secrets"],
    ["a link at the file's own place", "mkdir -p /run/secrets; ln -s CANARY/file /run/secrets/password"],
    [
      "a link at the file's own place to a mount",
      "mkdir -p /run/secrets; ln -s /mounted/file /run/secrets/password",
    ],
  ])("an image with %s gets the value nowhere but in the container's own mounts", async (_, script) => {
    const canary = join(tare.directory, "canary");
    spawnSync("mkdir", ["-p", canary]);
    writeFileSync(join(canary, "file"), "the host's own");
    await tare.must([
      "run",
      "--name",
      "evil",
      "busybox",
      "sh",
      "-c",
      `mkdir -p /run; rm -rf /run/secrets; ${script.replaceAll("CANARY", canary)}`,
    ]);
    await tare.must(["commit", "evil", "evil-image"]);
    await tare.must(["rm", "evil"]);
    const before = mountTable();
    const { status } = await tare.tare([
      "run",
      "--name",
      "victim",
      "--secret",
      "password",
      "-v",
      `${canary}:/mounted`,
      "evil-image",
      "sh",
      "-c",
      "wc -c < /run/secrets/password; true",
    ]);
    expect([0, 125, 126, 127]).toContain(status as number);
    expect(mountTable()).toBe(before);
    expect(readFileSync(join(canary, "file"), "utf8")).toBe("the host's own");
    expect(spawnSync("grep", ["-rlF", value, canary], { encoding: "utf8" }).stdout).toBe("");
    expect(filesWith(value)).toHaveLength(1);
    await tare.must(["rm", "-f", "victim"]);
    await tare.must(["rmi", "evil-image"]);
    spawnSync("rm", ["-rf", canary]);
  });

  test("are there for programs, through the API", async () => {
    await using engine = await connectTo(`unix://${tare.clientSocket}`);
    const { id } = await engine.secrets.create({ name: "library", value: Buffer.from("by a program") });
    const made = await engine.containers.create({
      image: "busybox",
      storage: { secrets: [{ secret: "library", kind: "file", target: "/s", mode: 0o400 }] },
    });
    expect((await engine.containers.inspect(made.id)).spec.storage?.secrets).toEqual([
      { secret: "library", kind: "file", target: "/s", mode: 0o400 },
    ]);
    await engine.containers.remove(made.id);
    expect(Buffer.from(await engine.secrets.read("library")).toString()).toBe("by a program");
    expect(await engine.secrets.remove("library")).toBe(id);
    await tare.must(["secret", "rm", "--all"]);
    expect(await engine.secrets.list()).toEqual([]);
  });
});
