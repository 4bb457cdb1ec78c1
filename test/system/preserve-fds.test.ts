import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { sendDescriptors } from "../../src/linux/sockets/descriptor-packet.ts";
import { openEngine } from "../../src/mod.ts";
import { connectTo } from "../../src/library/connected-engine.ts";
import { Client } from "../../src/client/client.ts";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

interface Shelled {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe.skipIf(!isRoot)("descriptors of the caller's", () => {
  let tare: Installation;
  let file: string;

  /** A shell script in which `$TARE` is the command of this installation. */
  const shell = (script: string): Promise<Shelled> =>
    new Promise((resolve) => {
      const command = [executable, ...tare.globalFlags].join(" ");
      const child = spawn("bash", ["-c", script.replaceAll("$TARE", command)], {
        env: { PATH: process.env["PATH"] ?? "", HOME: "/root" },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on("data", (piece: Buffer) => out.push(piece));
      child.stderr.on("data", (piece: Buffer) => err.push(piece));
      child.on("close", (status) =>
        resolve({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
      );
    });
  const must = async (script: string): Promise<string> => {
    const { status, stdout, stderr } = await shell(script);
    if (status !== 0) throw new Error(`${script}: ${status} ${stdout}${stderr}`);
    return stdout.trim();
  };
  const socketsLeft = () => readdirSync(tare.runRoot).filter((name) => name.startsWith("fds-"));
  const daemonFds = () =>
    readdirSync(`/proc/${tare.daemonPid()}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${tare.daemonPid()}/fd/${fd}`)];
      } catch {
        return [];
      }
    });

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    file = join(tare.directory, "passed");
    writeFileSync(file, "of the caller\n");
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  test("--preserve-fds passes those from 3 on, and nothing else", async () => {
    expect(await must(`$TARE run --rm --preserve-fds 1 busybox cat /proc/self/fd/3 3<${file}`)).toBe(
      "of the caller",
    );
    const run = (flags: string, script: string, redirections: string): Promise<string> =>
      must(
        `$TARE run --rm ${flags} busybox sh -c "${script.replaceAll('"', '\\"').replaceAll("$", "\\$")}" ${redirections}`,
      );
    // The shell's own descriptor of the directory that is listed comes after them.
    expect(
      await run(
        "--preserve-fds 2",
        "cat <&3; cat <&4; ls /proc/self/fd | wc -l",
        `3<${file} 4<${file} 9<${file}`,
      ),
    ).toBe("of the caller\nof the caller\n6");
    expect(
      await run(
        "--preserve-fd 7,5 --preserve-fd 9",
        "cat <&5 <&7; ls /proc/self/fd | tr '\\n' ' '",
        `3<${file} 5<${file} 7<${file} 9<${file}`,
      ),
    ).toBe("of the caller\n0 1 2 3 5 7 9");
    expect(await run("", "ls /proc/self/fd | wc -l", `3<${file} 4<${file}`)).toBe("4");
  });

  test("a pipe ends when the program's ends do: nobody else holds it", async () => {
    const script = `$TARE run --rm --preserve-fds 1 busybox sh -c 'echo through >&3; sleep 0.2' 3>&1 >/dev/null | cat`;
    expect(await must(script)).toBe("through");
    const detached = `$TARE run -d --preserve-fds 1 --name piped busybox sh -c 'echo from afar >&3; exec 3>&-; sleep 1000' 3>&1 >/dev/null | cat`;
    expect(await must(detached)).toBe("from afar");
    await tare.must(["rm", "-f", "piped"]);
  });

  test("with a terminal, an init, a user, a user namespace, few descriptors allowed and watched calls", async () => {
    for (const flags of [
      "-u 1000",
      "--init",
      "--userns private",
      "--ulimit nofile=12:12",
      "--security-opt explain-denials",
      "--cgroups disabled",
      "--read-only",
      "--preserve-fd 511",
    ]) {
      const redirections = `3<${file} ${flags.includes("511") ? `511<${file}` : ""}`;
      expect([
        flags,
        await must(
          `chmod 644 ${file}; $TARE run --rm --preserve-fds 1 ${flags} busybox sh -c 'cat <&3' ${redirections}`,
        ),
      ]).toEqual([flags, "of the caller"]);
    }
  });

  test("exec passes them, too", async () => {
    await tare.must(["run", "-d", "--name", "in", "busybox", "sleep", "1000"]);
    expect(await must(`$TARE exec --preserve-fds 1 in sh -c 'cat <&3' 3<${file}`)).toBe("of the caller");
    expect(
      await must(
        `$TARE exec -d --preserve-fd 6 in sh -c 'echo detached >&6' 6>${tare.directory}/written; until [ -s ${tare.directory}/written ]; do sleep 0.05; done; cat ${tare.directory}/written`,
      ),
    ).toBe("detached");
    await tare.must(["rm", "-f", "in"]);
  });

  test("a program that can't be executed is told as always", async () => {
    const { status, stderr } = await shell(
      `$TARE run --rm --preserve-fds 1 busybox no-such-program 3<${file}`,
    );
    expect([status, stderr]).toEqual([127, expect.stringContaining("no-such-program")]);
    expect(socketsLeft()).toEqual([]);
    expect(daemonFds().filter((name) => name === file)).toEqual([]);
  });

  test("what is not there, or ours, is refused in a sentence", async () => {
    const refused = async (flags: string, redirections = ""): Promise<string> => {
      const { status, stderr } = await shell(`$TARE run --rm ${flags} busybox true ${redirections}`);
      expect([flags, status]).toEqual([flags, 125]);
      return stderr;
    };
    for (const [flags, redirections] of [
      ["--preserve-fds 1", "3<&-"],
      ["--preserve-fds 2", `3<${file}`],
      ["--preserve-fds 3", `3<${file} 5<${file}`],
    ] as const)
      expect(await refused(flags, redirections)).toMatch(
        /file descriptor \d is not available: it must be open where tare is started/,
      );
    expect(await refused("--preserve-fd 2")).toContain("must be from 3 to 511");
    expect(await refused("--preserve-fd 512", `512<${file}`)).toContain("must be from 3 to 511");
    expect(await refused("--preserve-fds 510")).toContain("--preserve-fds: must be from 0 to 509");
    expect(await refused("--preserve-fd x")).toContain("invalid syntax");
    expect((await tare.tare(["create", "--preserve-fds", "1", "busybox"])).stderr).toContain("use tare run");
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("a token counts once, for as many as were promised, and for nobody else; nothing stays open", async () => {
    using client = new Client({ host: `unix://${tare.socket}` });
    const make = async (): Promise<string> =>
      (await client.containers.create({ Image: "busybox", Cmd: ["sh", "-c", "cat <&3"] })).Id;
    const id = await make();
    const fd = openSync(file, "r");
    const offer = await client.system.offerDescriptors([3]);
    expect(statSync(offer.Socket).mode & 0o777).toBe(0o600);
    // Nobody has sent anything, something else, too many: each time the token is void.
    await expect(client.containers.start(id, { descriptors: offer.Token })).rejects.toThrow(
      "the client has not sent them",
    );
    for (const [text, fds, sentence] of [
      ["another text", [fd], "they are for something else"],
      ["", [fd, fd], "2 came in place of 1"],
      ["", [], "0 came in place of 1"],
    ] as const) {
      const { Socket: path, Token: token } = await client.system.offerDescriptors([3]);
      sendDescriptors(path, { text: text === "" ? token : text, fds });
      await expect(client.containers.start(id, { descriptors: token })).rejects.toThrow(sentence);
      await expect(client.containers.start(id, { descriptors: token })).rejects.toThrow(
        "was used, or is too old",
      );
      expect(existsSync(path)).toBe(false);
    }
    const { Socket: path, Token: token } = await client.system.offerDescriptors([3]);
    sendDescriptors(path, { text: token, fds: [fd] });
    await client.containers.start(id, { descriptors: token });
    expect(() => sendDescriptors(path, { text: token, fds: [fd] })).toThrow("ENOENT");
    await tare.must(["wait", id]);
    expect(await tare.must(["logs", id])).toBe("of the caller");
    // Another user, also one who reaches the socket.
    const { Socket: others, Token: secret } = await client.system.offerDescriptors([3]);
    spawnSync("chmod", ["711", tare.directory, tare.runRoot]);
    spawnSync("chmod", ["666", others]);
    // The thread's own: the kernel notes who connects.
    call("setresuid", -1, 1000, -1);
    try {
      sendDescriptors(others, { text: secret, fds: [fd] });
    } finally {
      call("setresuid", -1, 0, -1);
    }
    spawnSync("chmod", ["700", tare.directory, tare.runRoot]);
    await expect(client.containers.start(id, { descriptors: secret })).rejects.toThrow(
      "they are of user 1000",
    );
    await expect(client.system.offerDescriptors([2])).rejects.toThrow("must be from 3 to 511");
    await expect(client.system.offerDescriptors([3, 3])).rejects.toThrow("two descriptors as number 3");
    await expect(client.system.offerDescriptors([])).rejects.toThrow("no descriptors");
    await expect(client.containers.start(id, { descriptors: "none" })).rejects.toThrow("their token is none");
    closeSync(fd);
    expect(socketsLeft()).toEqual([]);
    expect(daemonFds().filter((name) => name === file)).toEqual([]);
    for (let i = 0; i < 64; i++) await client.system.offerDescriptors([3]);
    await expect(client.system.offerDescriptors([3])).rejects.toThrow("too many callers");
    await tare.must(["rm", id]);
    await tare.must(["daemon", "stop"]);
    for (let tries = 0; tries < 100 && tare.daemonPid() !== undefined; tries++) await sleep(50);
    expect(socketsLeft()).toEqual([]);
  });

  test("are there for programs: through the API, and in their own process", async () => {
    const content = async (engine: Awaited<ReturnType<typeof connectTo>>): Promise<string> => {
      const fd = openSync(file, "r");
      const command = ["sh", "-c", "cat <&3; cat <&9"];
      const other = openSync(file, "r");
      const { id } = await engine.containers.create({ image: "busybox", process: { command } });
      await engine.containers.start(id, { preserveFds: [fd, { fd: other, as: 9 }] });
      await engine.containers.wait(id);
      let text = "";
      for await (const entry of engine.containers.logs(id)) text += Buffer.from(entry.bytes).toString();
      closeSync(fd);
      closeSync(other);
      await engine.containers.remove(id);
      return text;
    };
    await tare.must(["ps"]);
    {
      await using engine = await connectTo(`unix://${tare.socket}`);
      expect(await content(engine)).toBe("of the caller\nof the caller\n");
    }
    await tare.must(["daemon", "stop"]);
    const roots = ["own-data", "own-run"].map((name) => join(tare.directory, name));
    for (const root of roots) mkdirSync(root, { mode: 0o700 });
    await using engine = await openEngine({ dataRoot: roots[0] ?? "", runRoot: roots[1] ?? "" });
    await engine.load(busyboxArchive());
    const fd = openSync(file, "r");
    {
      await using container = await engine.run("busybox", {
        preserveFds: [fd],
        process: { command: ["sh", "-c", "cat <&3; sleep 1000"] },
      });
      const { stdout } = await container.exec(["sh", "-c", "cat /dev/fd/3"], {
        preserveFds: [openSync(file, "r")],
      });
      expect(stdout).toBe("of the caller\n");
      for (let tries = 0; tries < 100; tries++) {
        let text = "";
        for await (const entry of container.logs()) text += Buffer.from(entry.bytes).toString();
        if (text === "of the caller\n") break;
        await sleep(20);
        expect(tries).toBeLessThan(99);
      }
    }
    closeSync(fd);
    await engine.settle();
    expect(readFileSync(file, "utf8")).toBe("of the caller\n");
  });
});
