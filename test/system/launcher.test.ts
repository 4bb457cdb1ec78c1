import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { encodeRunEvent, runStreamType } from "../../src/api/http/run-stream.ts";
import { encodeFrame } from "../../src/spec/stream-frames.ts";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Scratch } from "../support/scratch.ts";
import {
  buildExecutable,
  executable,
  type Finished,
  launcher,
  Installation,
  isRoot,
} from "../support/tare.ts";

const environment = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" };

async function finished(child: ChildProcess): Promise<Finished & { readonly signal: string | null }> {
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.on("data", (piece: Buffer) => {
      texts[name] += piece.toString("latin1");
    });
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on("close", (code, name) => resolve([code, name]));
  });
  return { status, signal, ...texts };
}

function withoutIds({ stderr, ...rest }: Finished): Finished {
  return { ...rest, stderr: stderr.replace(/\b[0-9a-f]{12,64}\b/g, "ID") };
}

/** Between two commands a second may pass, which also changes the width of a column. */
function withoutAges({ stdout, ...rest }: Finished): Finished {
  const ages = /(?:Less than a second|About a minute|\d+ (?:second|minute)s?)(?: ago)?/g;
  return { ...rest, stdout: stdout.replace(ages, "AGE").replace(/ {2,}/g, "  ") };
}

describe.skipIf(!isRoot)("the launcher", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  function start(program: string, words: readonly string[], env: Record<string, string> = {}): ChildProcess {
    return spawn(program, [...tare.globalFlags, ...words], {
      env: { ...environment, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  function command(...words: readonly string[]): string {
    return [launcher, ...tare.globalFlags, ...words].map((word) => `'${word}'`).join(" ");
  }

  /** The program that a process has become; undefined when it is gone. */
  function programOf({ pid }: ChildProcess): string | undefined {
    try {
      return readlinkSync(`/proc/${pid}/exe`);
    } catch {
      return undefined;
    }
  }

  function isBlockedWriting({ pid }: ChildProcess): boolean {
    // SPEC: proc_pid_syscall(5): the number of the call and its arguments; 1 is write on x86_64, 64 on arm64.
    return /^(?:1|64) 0x1 /.test(readFileSync(`/proc/${pid}/syscall`, "utf8"));
  }

  test("follows a fast-path run by itself, and becomes the main binary for another", async () => {
    const sleeping = ["busybox", "sleep", "1000"];
    const plain = start(launcher, ["run", "--rm", "--name", "plain", ...sleeping]);
    const other = start(launcher, ["run", "--rm", "--name", "other", "--label", "a=b", ...sleeping]);
    await poll(
      async () =>
        (await tare.must(["ps", "--format", "{{.Names}}"])).split("\n").length === 2 ? true : undefined,
      { timeoutMs: 10_000, what: "see both run" },
    );
    expect(programOf(plain)).toBe(launcher);
    expect(programOf(other)).toBe(executable);
    const ended = Promise.all([plain, other].map(finished));
    await tare.must(["rm", "-f", "plain", "other"]);
    expect((await ended).map(({ status }) => status)).toEqual([137, 137]);
  });

  const odd = ["", "a b", '"', "\\", "\\u0041", "\n\t\u0001\u001f\u007f", "ä€😀", "{}[],:", "%s%n"];
  test.each<[string, readonly string[]]>([
    ["both streams and a status", ["--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7"]],
    ["words of all kinds", ["--rm", "-e", `ODD=${odd.join("|")}`, "busybox", "printf", "%s;", ...odd]],
    [
      "the flags that are plain",
      ["--rm", "--hostname=h", "-u", "1:2", "-w", "/tmp", "busybox", "sh", "-c", "hostname; id -u; pwd"],
    ],
    ["an entry point", ["--rm", "--entrypoint", "echo", "busybox", "there"]],
    ["published ports", ["--rm", "-p", "127.0.0.1::80", "-p", "81/udp", "busybox", "true"]],
    ["a warning", ["--rm", "--network", "host", "-p", "8080:80", "busybox", "true"]],
    ["a port that is no port", ["--rm", "-p", "80:x", "busybox", "true"]],
    ["an address that is none", ["--rm", "-p", "1.2.3.400:80:80", "busybox", "true"]],
    ["a port of an address of nobody", ["--rm", "-p", "192.0.2.1:8080:80", "busybox", "true"]],
    ["no network", ["--rm", "--network", "none", "busybox", "ls", "/sys/class/net"]],
    ["a program that is not there", ["--rm", "busybox", "/not/there"]],
    ["one that can't be executed", ["--rm", "busybox", "/etc"]],
    ["one that is not in the path", ["--rm", "busybox", "not-there"]],
    ["a user that is not there", ["--rm", "-u", "nobody-of-them", "busybox", "true"]],
    ["an image that is not there", ["--rm", "localhost:1/not/there", "true"]],
    ["a name that can't be one", ["--rm", "--name", "/", "busybox", "true"]],
    ["an image that can't be one", ["--rm", "UPPER", "true"]],
    ["an empty image", ["--rm", "", "true"]],
    ["a network that is not there", ["--rm", "--network", "not-there", "busybox", "true"]],
    ["a flag that there is not", ["--not-there", "busybox", "true"]],
    ["a flag without its value", ["--name"]],
    ["no words", []],
    ["help", ["--help"]],
  ])(
    "does with %s what the main binary does",
    async (_, words) => {
      for (const name of [["run"], ["container", "run"]]) {
        const whole = await finished(start(executable, [...name, ...words]));
        expect(withoutIds(await finished(start(launcher, [...name, ...words])))).toEqual(withoutIds(whole));
      }
    },
    30_000,
  );

  describe("other commands", () => {
    beforeAll(async () => {
      await tare.must([
        "run",
        "-d",
        "--name",
        "web",
        "-p",
        "127.0.0.1::80",
        "-v",
        "kept:/data",
        "busybox",
        "sleep",
        "1000",
      ]);
      await tare.must([
        "run",
        "-d",
        "--name",
        "said",
        "busybox",
        "sh",
        "-c",
        "echo out; echo err >&2; echo last",
      ]);
      await tare.must(["wait", "said"]);
      await tare.must(["run", "-d", "-t", "--name", "shown", "busybox", "echo", "on a terminal"]);
      await tare.must(["wait", "shown"]);
    });
    afterAll(async () => {
      await tare.must(["rm", "-f", "web", "said", "shown"]);
      await tare.must(["volume", "rm", "kept"]);
    });

    test.each<[string]>([
      ["ps"],
      ["ps -a --no-trunc"],
      ["ps -a --filter name=web --format {{.Names}}/{{.Image}}"],
      ["ps -a --format {{range_.}}"],
      ["container ls -aq"],
      ["ps --not-there"],
      ["ps more"],
      ["ps --help"],
      ["images"],
      ["images --digests"],
      ["image history --no-trunc busybox"],
      ["inspect web"],
      ["inspect -f {{.State.Status}} web"],
      ["inspect -f {{json_.Config.Cmd}} web busybox"],
      ["inspect not-there web"],
      ["container inspect --size web"],
      ["image inspect busybox"],
      ["logs said"],
      ["logs -t said"],
      ["logs -n 1 said"],
      ["logs --tail=1 said"],
      ["logs --tail some said"],
      ["logs -f shown"],
      ["logs said -t"],
      ["logs --since 2001-01-01 said"],
      ["logs not-there"],
      ["logs"],
      ["port web"],
      ["top web"],
      ["top said"],
      ["wait said shown"],
      ["kill -s CONT web"],
      ["kill -s CONT said web"],
      ["pause said"],
      ["rename web web"],
      ["rename web said"],
      ["stop said"],
      ["stop -t x web"],
      ["restart not-there"],
      ["start shown said"],
      ["rm web"],
      ["rm not-there"],
      ["rmi not-there"],
      ["tag busybox UPPER"],
      ["network ls"],
      ["network inspect bridge"],
      ["network rm bridge"],
      ["network nothing"],
      ["volume ls"],
      ["volume inspect kept"],
      ["volume rm kept"],
      ["container"],
    ])("does with %s what the main binary does", async (line) => {
      const words = line.split(" ").map((word) => word.replaceAll("_", " "));
      const whole = await finished(start(executable, words));
      expect(withoutAges(await finished(start(launcher, words)))).toEqual(withoutAges(whole));
    });

    test("make, end and remove things", async () => {
      await tare.must(["create", "--name", "made", "busybox", "sleep", "1000"]);
      const done: (readonly string[])[] = [
        ["start", "made"],
        ["pause", "made"],
        ["unpause", "made"],
        ["restart", "-t", "0", "made"],
        ["rename", "made", "named"],
        ["stop", "-t", "0", "named"],
        ["rm", "named"],
        ["tag", "busybox", "other"],
        ["rmi", "other"],
        ["network", "create", "--subnet", "10.199.0.0/24", "net"],
        ["network", "connect", "net", "web"],
        ["network", "disconnect", "net", "web"],
        ["network", "rm", "net"],
        ["volume", "create", "vol"],
        ["volume", "rm", "vol"],
      ];
      for (const words of done)
        expect({ words, ...(await finished(start(launcher, words))) }).toMatchObject({
          words,
          status: 0,
          stderr: "",
        });
      expect(await tare.must(["ps", "-aq", "--filter", "name=named"])).toBe("");
    });

    test("are run by the daemon, and by the main binary where they need something of their process", async () => {
      const followed = start(launcher, ["logs", "-f", "web"]);
      const waiting = start(launcher, ["wait", "web"]);
      const elsewhere = start(launcher, ["wait", "web"], { TZ: "Asia/Tokyo" });
      const since = start(launcher, ["logs", "-f", "--since", "1h", "web"]);
      const all = [followed, waiting, elsewhere, since];
      await poll(
        async () => ([elsewhere, since].every((child) => programOf(child) === executable) ? true : undefined),
        { timeoutMs: 10_000, what: "see two main binaries" },
      );
      expect([followed, waiting].map(programOf)).toEqual([launcher, launcher]);
      const ended = Promise.all(all.map(finished));
      for (const child of all) child.kill("SIGINT");
      await ended;
    });

    test("that nobody waits for any longer leave nothing in the daemon", async () => {
      const descriptors = (): number => readdirSync(`/proc/${tare.daemonPid()}/fd`).length;
      const before = descriptors();
      const left = Array.from({ length: 20 }, (_, at) =>
        start(launcher, at % 2 === 0 ? ["wait", "web"] : ["logs", "-f", "web"]),
      );
      await poll(async () => (descriptors() >= before + 30 ? true : undefined), {
        timeoutMs: 10_000,
        what: "see that all ask",
      });
      const ended = Promise.all(left.map(finished));
      for (const child of left) child.kill("SIGKILL");
      await ended;
      await poll(async () => (descriptors() < before + 8 ? true : undefined), {
        timeoutMs: 10_000,
        what: "see that all is closed",
      });
    });
  });

  describe("exec", () => {
    beforeAll(async () => {
      await tare.must(["run", "-d", "--name", "host", "busybox", "sleep", "1000"]);
    });
    afterAll(async () => {
      await tare.must(["rm", "-f", "host"]);
    });

    test("follows a command by itself, and becomes the main binary for one with a terminal's flags", async () => {
      const plain = start(launcher, ["exec", "host", "sleep", "999"]);
      const other = start(launcher, ["exec", "--detach-keys", "ctrl-a", "host", "sleep", "999"]);
      await poll(
        async () => ((await tare.must(["top", "host"])).match(/sleep 999/g)?.length === 2 ? true : undefined),
        { timeoutMs: 10_000, what: "see both run" },
      );
      expect(programOf(plain)).toBe(launcher);
      expect(programOf(other)).toBe(executable);
      const ended = Promise.all([plain, other].map(finished));
      await tare.must(["exec", "host", "sh", "-c", "kill -9 $(pidof sleep | tr ' ' '\\n' | grep -vx 1)"]);
      expect((await ended).map(({ status }) => status)).toEqual([137, 137]);
    });

    test.each<[string, readonly string[]]>([
      ["both streams and a status", ["host", "sh", "-c", "echo out; echo err >&2; exit 7"]],
      ["words of all kinds", ["-e", `ODD=${odd.join("|")}`, "host", "printf", "%s;", ...odd]],
      [
        "its flags",
        ["--user=1:2", "-w", "/tmp", "-e", "A=b", "host", "sh", "-c", "id -u; id -g; pwd; echo $A"],
      ],
      ["a privileged one", ["--privileged", "host", "grep", "CapEff", "/proc/self/status"]],
      ["a program that is not there", ["host", "/not/there"]],
      ["one that can't be executed", ["host", "/etc"]],
      ["one that is not in the path", ["host", "not-there"]],
      ["a user that is not there", ["-u", "nobody-of-them", "host", "true"]],
      ["a directory that is a file", ["-w", "/bin/busybox", "host", "true"]],
      ["a container that is not there", ["not-there", "true"]],
      ["no command", ["host"]],
      ["a flag that there is not", ["--not-there", "host", "true"]],
      ["help", ["--help"]],
    ])("does with %s what the main binary does", async (_, words) => {
      for (const name of [["exec"], ["container", "exec"]]) {
        const whole = await finished(start(executable, [...name, ...words]));
        expect(withoutIds(await finished(start(launcher, [...name, ...words])))).toEqual(withoutIds(whole));
      }
    });
  });

  describe("standard input", () => {
    beforeAll(async () => {
      await tare.must(["run", "-d", "--name", "host", "busybox", "sleep", "1000"]);
    });
    afterAll(async () => {
      await tare.must(["rm", "-f", "host"]);
    });

    function pipeline(script: string): string {
      const { stdout, stderr } = spawnSync("bash", ["-c", script], { env: environment, encoding: "utf8" });
      return stdout + stderr;
    }

    test.each<[string, readonly string[]]>([
      ["run", ["run", "--rm", "-i", "busybox"]],
      ["exec", ["exec", "-i", "host"]],
    ])("of %s is copied to its end, whenever that is", (_, words) => {
      const program = (...rest: readonly string[]): string => command(...words, ...rest);
      expect(pipeline(`${program("cat")} < /dev/null; echo $?`)).toBe("0\n");
      expect(pipeline(`${program("cat")} <&-; echo $?`)).toBe("0\n");
      expect(pipeline(`seq 300000 | ${program("cat")} | cksum`)).toBe(pipeline("seq 300000 | cksum"));
      expect(
        pipeline(`(echo one; sleep 0.3; echo two) | ${program("sh", "-c", "cat; exit 4")}; echo $?`),
      ).toBe("one\ntwo\n4\n");
      // What nobody reads any more is dropped, and the status is still the program's.
      expect(pipeline(`yes | ${program("sh", "-c", "head -c 4; exit 5")}; echo $?`)).toBe("y\ny\n5\n");
      expect(pipeline(`echo text | ${program("/not/there")} 2>/dev/null; echo $?`)).toBe("127\n");
    });

    test("both ways at once, of more than what any buffer takes", () => {
      const script = `head -c 20000000 /dev/zero | ${command("exec", "-i", "host", "sh", "-c", "cat")} | (sleep 0.5; cksum)`;
      expect(pipeline(script)).toBe(pipeline("head -c 20000000 /dev/zero | cksum"));
    });

    test("is not read without -i", () => {
      const script = `seq 3 | (${command("exec", "host", "true")}; ${command("run", "--rm", "busybox", "true")}; cat)`;
      expect(pipeline(script)).toBe("1\n2\n3\n");
    });
  });

  test("in the background gives the id, and why one did not start", async () => {
    const { status, stdout, stderr } = await finished(
      start(launcher, ["run", "-d", "--name", "back", "busybox", "sleep", "1000"]),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(`${await tare.must(["ps", "-q", "--no-trunc", "--filter", "name=back"])}\n`);
    const taken = ["run", "-d", "--name", "back", "busybox", "true"];
    expect(await finished(start(launcher, taken))).toEqual(await finished(start(executable, taken)));
    await tare.must(["rm", "-f", "back"]);
    const wrong = ["run", "-d", "--rm", "busybox", "/not/there"];
    const one = await finished(start(launcher, wrong));
    expect(withoutIds(one)).toEqual(withoutIds(await finished(start(executable, wrong))));
    expect(one.status).toBe(127);
    await tare.must(["system", "settle"]);
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("prints where the time of hello went behind what hello prints", async () => {
    const { status, stdout } = await finished(start(launcher, ["run", "--rm", "hello"]));
    expect(status).toBe(0);
    expect(stdout).toMatch(/\nstarted in [\d.]+ ms: [^\n]+\n$/);
  });

  test("gives large output whole, also to a reader that is slow, or has made its pipe one that does not wait", async () => {
    const script =
      "head -c 3000000 /dev/zero | tr '\\\\0' x; echo; head -c 1000000 /dev/zero | tr '\\\\0' y >&2";
    const { status, stdout, stderr } = await finished(
      start(launcher, ["run", "--rm", "busybox", "sh", "-c", script]),
    );
    expect({ status, out: stdout.length, err: stderr.length }).toEqual({
      status: 0,
      out: 3_000_001,
      err: 1_000_000,
    });
    const many = command("run", "--rm", "busybox", "seq", "300000");
    const slow = spawnSync("sh", ["-c", `${many} | (sleep 0.5; cksum)`], {
      env: environment,
      encoding: "utf8",
    });
    const direct = spawnSync("sh", ["-c", "seq 300000 | cksum"], { encoding: "utf8" });
    expect(slow.stdout).toBe(direct.stdout);
    const nonBlocking = `import fcntl,os,subprocess,sys,time
r,w=os.pipe()
fcntl.fcntl(w,fcntl.F_SETFL,os.O_NONBLOCK)
c=subprocess.Popen(sys.argv[1:],stdout=w)
os.close(w)
time.sleep(.3)
n=0
while (piece:=os.read(r,65536)): n+=len(piece)
print(n,c.wait())`;
    const words = [...tare.globalFlags, "run", "--rm", "busybox", "seq", "300000"];
    const counted = spawnSync("python3", ["-c", nonBlocking, launcher, ...words], {
      env: environment,
      encoding: "utf8",
    });
    expect(counted.stdout).toBe("1988895 0\n");
  });

  test("ends as the main binary does when nobody reads on, or there is no output to write to", async () => {
    const endless = ["run", "--name", "endless", "busybox", "yes"];
    const cut = spawnSync("bash", ["-c", `${command(...endless)} | head -1; echo \${PIPESTATUS[0]}`], {
      env: environment,
      encoding: "utf8",
    });
    expect(cut.stdout).toBe("y\n141\n");
    await tare.must(["rm", "-f", "endless"]);
    for (const closed of ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]) {
      const run = (program: string): unknown => {
        const line = command("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7");
        const { status, stdout, stderr } = spawnSync(
          "sh",
          ["-c", `${line.replace(launcher, program)} ${closed}`],
          {
            env: environment,
            encoding: "utf8",
          },
        );
        return { status, stdout, stderr };
      };
      expect(run(launcher)).toEqual(run(executable));
    }
  });

  test("is not killed by the end of a reader, and goes on without one of standard error", async () => {
    for (const program of [launcher, executable]) {
      const endless = start(program, ["run", "--name", "unread", "busybox", "yes"]);
      await new Promise((resolve) => endless.stdout?.once("data", resolve));
      endless.stdout?.destroy();
      expect(await finished(endless)).toMatchObject({ status: 141, signal: null });
      await tare.must(["rm", "-f", "unread"]);
      const script = "seq 50000 >&2; echo out; exit 7";
      const silent = start(program, ["run", "--rm", "busybox", "sh", "-c", script]);
      silent.stderr?.destroy();
      expect(await finished(silent)).toMatchObject({ status: 7, signal: null, stdout: "out\n" });
    }
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGCONT"] as const)(
    "passes %s on",
    async (signal) => {
      const name = signal.slice(3);
      const script = `trap 'echo got ${name}; exit 3' ${name}; echo ready; while :; do sleep 0.05; done`;
      const child = start(launcher, ["run", "--rm", "busybox", "sh", "-c", script]);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      child.kill(signal);
      const { status, stdout } = await finished(child);
      expect({ status, stdout }).toEqual({ status: 3, stdout: `got ${name}\n` });
    },
  );

  test("passes a signal on also while nobody reads its output", async () => {
    const script = "trap 'kill $!; exit 3' TERM; yes & wait";
    const child = start(launcher, ["run", "--name", "stuck", "busybox", "sh", "-c", script]);
    await poll(() => (isBlockedWriting(child) ? true : undefined), {
      timeoutMs: 10_000,
      what: "see it wait for its reader",
    });
    child.kill("SIGTERM");
    expect(await tare.must(["wait", "stuck"])).toBe("3");
    expect((await finished(child)).status).toBe(3);
    await tare.must(["rm", "stuck"]);
  });

  test("leaves proxies of Docker's configuration, and one that can't be read, to the main binary", async () => {
    using scratch = new Scratch("launcher-config");
    const words = ["run", "--rm", "busybox", "env"];
    for (const [text, expected] of [
      ['{"proxies":{"default":{"httpProxy":"http://p:1"}}}', "HTTP_PROXY=http://p:1"],
      ['{"\\u0070roxies":{"default":{"httpProxy":"http://p:2"}}}', "HTTP_PROXY=http://p:2"],
      ['{"auths":{}}', "PATH="],
    ] as const) {
      writeFileSync(scratch.join("config.json"), text);
      const env = { DOCKER_CONFIG: scratch.path };
      const { status, stdout } = await finished(start(launcher, words, env));
      expect(status).toBe(0);
      expect(stdout).toContain(expected);
      expect(stdout.replace(/HOSTNAME=.*/, "")).toBe(
        (await finished(start(executable, words, env))).stdout.replace(/HOSTNAME=.*/, ""),
      );
    }
    rmSync(scratch.join("config.json"));
    mkdirSync(scratch.join("config.json"));
    const env = { DOCKER_CONFIG: scratch.path };
    const whole = await finished(start(executable, ["run", "--rm", "busybox", "true"], env));
    expect(await finished(start(launcher, ["run", "--rm", "busybox", "true"], env))).toEqual(whole);
    expect(whole.stderr).toContain("WARNING: ");
  });

  test("says that it lost the daemon, as the main binary says it; the container goes on", async () => {
    const runs = [launcher, executable].map((program, i) => {
      const words = ["run", "--rm", "--name", `lost-${i}`, "busybox", "sh", "-c", "echo ready; sleep 1000"];
      return start(program, words);
    });
    await Promise.all(runs.map((child) => new Promise((resolve) => child.stdout?.once("data", resolve))));
    const ended = Promise.all(runs.map(finished));
    const ids = await Promise.all([0, 1].map((i) => tare.must(["ps", "-q", "--filter", `name=lost-${i}`])));
    killDaemon(tare);
    const [one, other] = await ended;
    expect(one?.stderr.replace(ids[0] ?? "", "ID")).toBe(other?.stderr.replace(ids[1] ?? "", "ID") ?? "");
    expect(one?.stderr).toContain("the container keeps running");
    expect([one?.status, other?.status]).toEqual([125, 125]);
    await tare.must(["rm", "-f", "lost-0", "lost-1"]);
  });

  test("says that it lost the daemon while it followed logs, as the main binary says it", async () => {
    await tare.must(["run", "-d", "--name", "kept", "busybox", "sh", "-c", "echo ready; sleep 1000"]);
    const following = [launcher, executable].map((program) => start(program, ["logs", "-f", "kept"]));
    const ended = Promise.all(following.map(finished));
    await Promise.all(
      following.map((child) => new Promise((resolve) => child.stdout?.once("data", resolve))),
    );
    killDaemon(tare);
    const [one, other] = await ended;
    expect(one).toEqual(other as never);
    expect(one).toMatchObject({
      status: 1,
      stderr: "tare: cannot read the daemon's reply: the connection closed before its end\n",
    });
    await tare.must(["rm", "-f", "kept"]);
  });

  test("a daemon that does not run is started", async () => {
    await tare.must(["daemon", "stop"]);
    expect(await finished(start(launcher, ["run", "--rm", "busybox", "echo", "well"]))).toMatchObject({
      status: 0,
      stdout: "well\n",
    });
  });

  test("many at once", async () => {
    const all = await Promise.all(
      Array.from(
        { length: 30 },
        async (_, i) => await finished(start(launcher, ["run", "--rm", "busybox", "echo", `${i}`])),
      ),
    );
    expect(all.map(({ stdout }) => stdout)).toEqual(all.map((_, i) => `${i}\n`));
  });
});

async function sendByByte(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
}

/** A daemon that says what the test wants, and notes what it was asked. */
class FakeDaemon implements AsyncDisposable {
  readonly asked: { readonly line: string; readonly body: string }[] = [];
  readonly #server: Server;

  private constructor(answer: (socket: Socket, line: string) => void) {
    this.#server = createServer((socket) => {
      let text = "";
      socket.on("error", () => {});
      socket.on("data", (piece) => {
        text += piece.toString();
        const [head = "", body = ""] = text.split("\r\n\r\n");
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (!text.includes("\r\n\r\n") || Buffer.byteLength(body) < length) return;
        const [line = ""] = head.split("\r\n");
        this.asked.push({ line, body });
        text = "";
        answer(socket, line);
      });
    });
  }

  static async at(path: string, answer: (socket: Socket, line: string) => void): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(answer);
    await new Promise<void>((resolve) => daemon.#server.listen(path, resolve));
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe("the launcher and what a daemon may say", () => {
  let scratch: Scratch;
  beforeAll(buildExecutable);
  beforeEach(() => {
    scratch = new Scratch("launcher");
  });
  afterEach(() => scratch[Symbol.dispose]());

  const upgraded = `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${runStreamType}\r\n\r\n`;
  const id = "0123456789abcdef".repeat(4);
  const words = ["run", "--rm", "busybox", "echo", 'a"b\\c\n\u0001é'];

  async function runAt(path: string, args: readonly string[] = words): Promise<Finished> {
    const env = { ...environment, TARE_HOST: `unix://${path}` };
    return await finished(spawn(launcher, args, { env, stdio: ["ignore", "pipe", "pipe"] }));
  }

  test("its words are JSON, and a stream is taken however it is cut", async () => {
    const path = scratch.join("s");
    const stream = Buffer.concat([
      Buffer.from(upgraded),
      encodeFrame("event", Buffer.from(`{"Warnings":["\\"Id\\":","{"],"Id":"${id}"}\n`)),
      encodeFrame("stderr", Buffer.from("warned\n")),
      encodeFrame("stdout", Buffer.alloc(0)),
      encodeRunEvent({
        Timing: { TotalMs: 1, Phases: Array.from({ length: 99 }, () => ({ Name: "a", Ms: 1 })) },
      }),
      encodeFrame("stdout", Buffer.from("printed\n")),
      encodeRunEvent({ ExitStatus: 42 }),
    ]);
    await using daemon = await FakeDaemon.at(path, (socket) => void sendByByte(socket, stream));
    expect(await runAt(path)).toMatchObject({ status: 42, stdout: "printed\n", stderr: "warned\n" });
    expect(daemon.asked.map(({ line }) => line)).toEqual(["POST /tare/run HTTP/1.1"]);
    expect(JSON.parse(daemon.asked[0]?.body ?? "")).toEqual({
      Build: expect.stringMatching(/^[0-9a-f]{12}$/),
      Columns: 0,
      Rows: 0,
      Words: words.slice(1),
    });
  });

  test("a refusal makes it the main binary, which asks by itself", async () => {
    const path = scratch.join("s");
    await using daemon = await FakeDaemon.at(path, (socket) => {
      socket.end(
        'HTTP/1.1 501 Not Implemented\r\nContent-Length: 17\r\nConnection: close\r\n\r\n{"message":"no"}\n',
      );
    });
    const { status, stderr } = await runAt(path);
    expect({ status, stderr }).toEqual({ status: 125, stderr: "tare: no\n" });
    expect(daemon.asked.map(({ line }) => line.split("?")[0])).toEqual([
      "POST /tare/run HTTP/1.1",
      expect.stringMatching(/^POST (?:\/v[\d.]+)?\/containers\/create/),
    ]);
  });

  test("a request that was read and not answered is not made again", async () => {
    const path = scratch.join("s");
    await using daemon = await FakeDaemon.at(path, (socket) => socket.end());
    const { status, stderr } = await runAt(path);
    expect(status).toBe(125);
    expect(stderr).toBe("tare: cannot ask the daemon: it closed the connection without a reply\n");
    expect(daemon.asked).toHaveLength(1);
  });

  test.each<[string, Buffer]>([
    ["a frame of no kind", Buffer.from([9, 0, 0, 0, 0, 0, 0, 1, 1])],
    ["the end within a frame", Buffer.from([1, 0, 0, 0, 0, 0, 0, 9, 65])],
    ["the end without a status", encodeFrame("stdout", Buffer.from("A"))],
  ])("%s is told", async (_, bytes) => {
    const path = scratch.join("s");
    await using daemon = await FakeDaemon.at(path, (socket) => {
      socket.end(Buffer.concat([Buffer.from(upgraded), encodeRunEvent({ Id: id, Warnings: [] }), bytes]));
    });
    const { status, stderr } = await runAt(path);
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: `tare: cannot follow container ${id.slice(0, 12)} any longer: the connection to the daemon is lost; the container keeps running\n`,
    });
    expect(daemon.asked).toHaveLength(1);
  });

  test.each<[string, readonly string[], Record<string, string>]>([
    ["another command", ["ps"], {}],
    ["a flag before the command that it does not know", ["--debug", "run", "busybox"], {}],
    ["no home", words, { HOME: "" }],
    ["a host that is no socket", words, { TARE_HOST: "tcp://127.0.0.1:1" }],
  ])("%s is left to the main binary", async (_, args, env) => {
    const path = scratch.join("s");
    await using daemon = await FakeDaemon.at(path, (socket) => socket.destroy());
    const own = { ...environment, TARE_HOST: `unix://${path}`, ...env };
    await finished(spawn(launcher, args, { env: own, stdio: ["ignore", "pipe", "pipe"] }));
    expect(daemon.asked.map(({ line }) => line)).not.toContain("POST /tare/run HTTP/1.1");
  });

  test("finds the main binary where it is built and where it is installed, and says where it should be", async () => {
    for (const place of ["tare", "lib/tare/tare"]) {
      const root = scratch.join(place.replace("/", "-").replace("/", "-"));
      mkdirSync(join(root, "bin"), { recursive: true });
      copyFileSync(launcher, join(root, "bin/tare"));
      symlinkSync(join(root, "bin/tare"), join(root, "link"));
      const asked = (): Finished => {
        const { status, stdout, stderr } = spawnSync(join(root, "link"), ["--version", "a b"], {
          encoding: "utf8",
        });
        return { status, stdout, stderr };
      };
      expect(asked()).toEqual({
        status: 127,
        stdout: "",
        stderr:
          "tare: cannot find the main binary: there is neither ../tare nor ../lib/tare/tare next to this program\n",
      });
      mkdirSync(join(root, place, ".."), { recursive: true });
      writeFileSync(join(root, place), '#!/bin/sh\necho "$@"\n');
      expect(asked()).toEqual({
        status: 126,
        stdout: "",
        stderr: "tare: cannot execute the main binary next to this program\n",
      });
      chmodSync(join(root, place), 0o755);
      expect(asked()).toEqual({ status: 0, stdout: "--version a b\n", stderr: "" });
    }
  });
});
