import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

/** What a command's standard output may be: it is written to in one of three ways. */
describe.skipIf(!isRoot)("standard output", () => {
  let tare: Installation;
  const lines = 200_000;
  const whole = `${Array.from({ length: lines }, (_, index) => index + 1).join("\n")}\n`;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["run", "--name", "much", "busybox", "seq", "1", String(lines)]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  /** A shell's line; `tare` in it is ours. */
  const shell = (line: string): { status: number | null; stdout: string; stderr: string } =>
    spawnSync("bash", ["-c", `tare() { ${executable} ${tare.globalFlags.join(" ")} "$@"; }; ${line}`], {
      encoding: "utf8",
      maxBuffer: 64 << 20,
    });

  test("a pipe whose reader is slow gets everything, in order", () => {
    for (const command of ["tare logs much", `tare run --rm busybox seq 1 ${lines}`]) {
      const { status, stdout, stderr } = shell(`set -o pipefail; ${command} | (sleep 1; cat)`);
      expect([command, status, stderr, stdout === whole]).toEqual([command, 0, "", true]);
    }
  });

  test("a pipe and a socket whose reader is slow get all of what is written at once", () => {
    const inspect = `tare inspect ${"much ".repeat(60)}`;
    const { stdout } = shell(inspect);
    expect(stdout.length).toBeGreaterThan(200_000);
    expect(shell(`${inspect} | (sleep 0.5; cat)`).stdout === stdout).toBe(true);
    const socket = `import socket, subprocess, sys, time
a, b = socket.socketpair()
p = subprocess.Popen(sys.argv[1:], stdout=b)
b.close()
time.sleep(0.5)
while piece := a.recv(65536): sys.stdout.buffer.write(piece)`;
    const command = `python3 -c '${socket}' ${executable} ${tare.globalFlags.join(" ")} ${inspect.slice(5)}`;
    expect(shell(command).stdout === stdout).toBe(true);
  });

  test("a file gets everything, also one that is appended to by others", () => {
    const path = join(tare.directory, "out");
    const { status } = shell(`(echo before; tare logs much; echo after) > ${path}`);
    expect(status).toBe(0);
    expect(readFileSync(path, "utf8") === `before\n${whole}after\n`).toBe(true);
    shell(`(tare logs much; tare ps -q) >> ${path}`);
    expect(readFileSync(path, "utf8") === `before\n${whole}after\n${whole}`).toBe(true);
  });

  test("output and error that are one pipe keep their order", () => {
    const script = "for i in 1 2 3 4 5; do echo out $i; usleep 30000; echo err $i >&2; usleep 30000; done";
    const { stdout } = shell(`tare run --rm busybox sh -c '${script}' 2>&1 | cat`);
    expect(stdout).toBe([1, 2, 3, 4, 5].map((number) => `out ${number}\nerr ${number}\n`).join(""));
  });

  test("a reader that leaves ends the command, quietly", () => {
    const { stdout, stderr } = shell("tare logs much | head -n 1; echo ${PIPESTATUS[0]}");
    expect([stdout, stderr]).toEqual(["1\n141\n", ""]);
  });

  test("a socket, a closed one and a terminal work as well", () => {
    const socket = `import socket, subprocess, sys
a, b = socket.socketpair()
p = subprocess.Popen(sys.argv[1:], stdout=b)
b.close()
data = b""
while True:
    piece = a.recv(65536)
    if not piece: break
    data += piece
print(len(data), p.wait())`;
    const flags = tare.globalFlags;
    const { stdout } = spawnSync("python3", ["-c", socket, executable, ...flags, "logs", "much"], {
      encoding: "utf8",
    });
    expect(stdout).toBe(`${whole.length} 0\n`);
    expect(shell("tare ps >&-; echo $?").stdout).toBe("0\n");
    const line = `${executable} ${flags.join(" ")} ps -aq --no-trunc`;
    const typed = spawnSync("script", ["-qec", line, "/dev/null"], { encoding: "utf8" });
    expect(typed.stdout).toMatch(/^[0-9a-f]{64}\r\n$/);
  });
});
