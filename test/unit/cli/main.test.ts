import { describe, expect, test } from "bun:test";
import { Failure } from "../../../src/base/failure.ts";
import { type Outcome, runCommandLine } from "./command-line.ts";

describe("main()", () => {
  test.each<[readonly string[], Partial<Outcome>]>([
    [["--version"], { status: 0, out: "Tare version 1.2.3, build abcdef\n" }],
    [["run", "--foo"], { status: 125, err: "unknown flag: --foo\nSee 'tare run --help'.\n" }],
    [
      ["container", "run", "-z"],
      { status: 125, err: "unknown shorthand flag: 'z' in -z\nSee 'tare container run --help'.\n" },
    ],
    [["--foo"], { status: 125, err: "unknown flag: --foo\nSee 'tare --help'.\n" }],
    [
      ["foo"],
      { status: 1, err: "tare: unknown command: tare foo\n\nRun 'tare --help' for more information\n" },
    ],
    [
      ["imgaes"],
      {
        status: 1,
        err: "tare: unknown command: tare imgaes\n\nDid you mean \"images\"?\n\nRun 'tare --help' for more information\n",
      },
    ],
    [
      ["network", "lst"],
      {
        status: 1,
        err: "tare: unknown command: tare network lst\n\nDid you mean \"ls\"?\n\nUsage:  tare network COMMAND\n\nRun 'tare network --help' for more information\n",
      },
    ],
    [
      ["ps", "--fromat", "json"],
      { status: 125, err: "unknown flag: --fromat\nDid you mean \"--format\"?\nSee 'tare ps --help'.\n" },
    ],
    [["-l", "loud", "ps"], { status: 1, err: "tare: Unable to parse logging level: loud\n" }],
    [
      ["-c", "one", "-H", "unix:///x", "ps"],
      { status: 1, err: "tare: conflicting options: either specify --host or --context, not both\n" },
    ],
    [
      ["constructor"],
      {
        status: 1,
        err: "tare: unknown command: tare constructor\n\nRun 'tare --help' for more information\n",
      },
    ],
    [
      ["run", "-p", "80:x", "x"],
      { status: 125, err: "tare: invalid containerPort: x\nSee 'tare run --help'.\n" },
    ],
    [
      ["run", "--health-cmd", "x", "--no-healthcheck", "y"],
      {
        status: 125,
        err: "tare: --no-healthcheck conflicts with --health-* options\nSee 'tare run --help'.\n",
      },
    ],
    [
      ["run", "--health-interval", "-1s", "y"],
      { status: 125, err: "tare: --health-interval cannot be negative\nSee 'tare run --help'.\n" },
    ],
    [
      ["run", "--health-on-failure", "pray", "y"],
      {
        status: 125,
        err: 'invalid argument "pray" for "--health-on-failure" flag: must be none, kill, restart or stop\nSee \'tare run --help\'.\n',
      },
    ],
    [
      ["run", "--pid", "x", "y"],
      { status: 125, err: "tare: --pid: invalid PID mode\nSee 'tare run --help'.\n" },
    ],
    [
      ["run", "-d", "-a", "stdout", "x"],
      { status: 125, err: "tare: Conflicting options: -a and -d\nSee 'tare run --help'.\n" },
    ],
    [["run", "-it", "x"], { status: 1, err: "tare: the input device is not a TTY\n" }],
    [
      ["pull", "Busybox"],
      {
        status: 1,
        err: 'tare: cannot parse reference "Busybox": invalid reference format: repository name (library/Busybox) must be lowercase\n',
      },
    ],
    [
      ["swarm", "init", "x"],
      {
        status: 1,
        err: 'tare: "swarm" belongs to Docker Swarm, which Tare does not have: it runs containers on one machine; use tare compose\n',
      },
    ],
    [["checkpoint", "ls"], { status: 125, err: "tare: checkpoint is not supported yet\n" }],
    [["rename", "a", " "], { status: 1, err: "tare: Neither old nor new names may be empty\n" }],
    [["help", "foo"], { status: 1, err: "tare: unknown help topic: foo\n" }],
    [["help", "pod", "lss"], { status: 1, err: 'tare: unknown help topic: pod lss\nDid you mean "ls"?\n' }],
    [
      ["completion", "tcsh"],
      { status: 1, err: 'tare: cannot complete for shell "tcsh": want one of bash, fish, zsh\n' },
    ],
    [
      ["start", "-a", "a", "b"],
      { status: 1, err: "tare: you cannot start and attach multiple containers at once\n" },
    ],
    [["ps", "--format", "{{.Foo"], { status: 1 }],
    [
      ["load", "-i", "/nope/x.tar"],
      { status: 1, err: "tare: open /nope/x.tar: no such file or directory\n" },
    ],
    [
      ["load", "-i", "/"],
      {
        status: 1,
        err: "tare: cannot load /: it is neither an OCI layout nor an unpacked archive (no oci-layout, no manifest.json)\n",
      },
    ],
  ])("answers %p without making anything", async (argv, wanted) => {
    const client = { containers: { list: async () => [] } };
    expect(await runCommandLine(argv, { client })).toMatchObject({
      out: "",
      err: wanted.err ?? expect.any(String),
      ...wanted,
    });
  });

  test.each<[readonly string[], string]>([
    [["run"], '"tare run" requires at least 1 argument.'],
    [["exec", "a"], '"tare exec" requires at least 2 arguments.'],
    [["ps", "x"], '"tare ps" accepts no arguments.'],
    [["attach", "a", "b"], '"tare attach" requires exactly 1 argument.'],
    [["images", "a", "b"], '"tare images" requires at most 1 argument.'],
  ])("counts arguments of %p as docker does", async (argv, sentence) => {
    const { status, err, connections } = await runCommandLine(argv);
    expect(status).toBe(1);
    expect(err).toStartWith(`${sentence}\nSee 'tare ${argv[0]} --help'.\n\nUsage:  tare ${argv[0]} `);
    expect(connections).toEqual([]);
  });

  test("connects where flags and environment say, flags first", async () => {
    const client = { containers: { list: async () => [] } };
    const host = async (
      argv: readonly string[],
      env: Readonly<Record<string, string>>,
    ): Promise<string | undefined> =>
      (await runCommandLine([...argv, "ps"], { client, env })).connections[0]?.host;
    const env = { TARE_HOST: "unix:///t", DOCKER_HOST: "unix:///d" };
    expect(await host([], {})).toBe("unix:///run/tare/tare.sock");
    expect(await host([], { DOCKER_HOST: "unix:///d" })).toBe("unix:///d");
    expect(await host([], env)).toBe("unix:///t");
    expect(await host(["--run-root", "/r"], env)).toBe("unix:///r/tare.sock");
    expect(await host(["-H", "unix:///h", "--run-root=/r"], env)).toBe("unix:///h");
  });

  test("passes the roots on, and does not start a daemon only to stop it", async () => {
    const client = {
      system: { shutdown: () => Promise.reject(new Failure("unavailable", "no process listens there")) },
    };
    const options = ["--storage-opt", "dm.fs=xfs", "--storage-opt=dm.basesize=1g"];
    const flags = ["--storage-driver", "vfs", ...options, "--userns-pool", "1:2"];
    const argv = ["--data-root", "/a", "--run-root", "/b", ...flags, "daemon", "stop"];
    const { status, err, connections } = await runCommandLine(argv, { client });
    expect([status, err]).toEqual([0, "tare: no daemon is running at unix:///b/tare.sock\n"]);
    expect(connections).toEqual([
      {
        host: "unix:///b/tare.sock",
        hostFrom: "run-root",
        dataRoot: "/a",
        runRoot: "/b",
        daemonFlags: [
          "--data-root=/a",
          "--storage-driver=vfs",
          "--storage-opt=dm.fs=xfs",
          "--storage-opt=dm.basesize=1g",
          "--userns-pool=1:2",
        ],
        debug: false,
        startsDaemon: false,
      },
    ]);
  });

  test("goes on with the next container when one fails, and ends with 1", async () => {
    const stopped: string[] = [];
    const stop = async (reference: string): Promise<boolean> => {
      if (reference === "b")
        throw new Failure("not-found", "No such container: b", {
          details: { status: 404, fromDaemon: true },
        });
      stopped.push(reference);
      return true;
    };
    const outcome = await runCommandLine(["stop", "a", "b", "c"], { client: { containers: { stop } } });
    expect(outcome).toMatchObject({ status: 1, out: "a\nc\n", err: "tare: No such container: b\n" });
    expect(stopped).toEqual(["a", "c"]);
  });

  test("says once that the daemon can't be reached", async () => {
    const stop = (): Promise<never> => Promise.reject(new Failure("unavailable", "cannot connect"));
    const outcome = await runCommandLine(["stop", "a", "b"], { client: { containers: { stop } } });
    expect(outcome).toMatchObject({ status: 1, out: "", err: "tare: cannot connect\n" });
  });

  test("shows the trace of a failure with --debug", async () => {
    const list = (): Promise<never> =>
      Promise.reject(new Failure("internal", "outer", { cause: new Error("inner") }));
    const { err } = await runCommandLine(["-D", "ps"], { client: { containers: { list } } });
    expect(err).toContain("caused by: Error: inner");
  });
});

describe("help", () => {
  test.each([
    ["--help", "help", ""],
    ["run --help", "help run", "container run --help"],
    ["image ls --help", "help image ls", ""],
    ["container", "help container", "container --help"],
  ])("is the same for %p and %p", async (first, second, third) => {
    const texts = await Promise.all(
      [first, second, third]
        .filter((line) => line !== "")
        .map(async (line) => (await runCommandLine(line.split(" "))).out),
    );
    const usage = /Usage: {2}.*/;
    expect(texts[0]).toMatch(usage);
    for (const text of texts.slice(1))
      expect(text.replace(usage, "")).toBe((texts[0] ?? "").replace(usage, ""));
  });

  test("of run shows usage, aliases, examples and each flag", async () => {
    const { out } = await runCommandLine(["run", "--help"]);
    expect(out).toMatchSnapshot();
  });

  test("of every command can be shown, within 80 columns but for flags' own names", async () => {
    const { commands } = await import("../../../src/cli/commands.ts");
    for (const { names } of commands.entries) {
      // Compose answers --help itself.
      const { status, out } = await runCommandLine(
        names[0] === "compose" ? ["help", "compose"] : [...(names[0] ?? "").split(" "), "--help"],
      );
      expect(status).toBe(0);
      expect(out).toContain(`Usage:  tare ${names[0]}`);
      const options = out.split("Options:\n")[1] ?? "";
      expect(options.split("\n").filter((line) => line.length > 80)).toEqual([]);
    }
  });
});
