/** Docker's Python client, which reads a reply's head through a buffer that it throws away. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { busyboxArchive } from "../support/images.ts";
import { slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

// Debian's, where the package lies; not one that PATH may have in front of it.
const python = "/usr/bin/python3";
const isThere = spawnSync(python, ["-c", "import docker"]).status === 0;
if (!isThere) console.log("skipped: the Python client (apt-get install python3-docker)");

const rounds = process.env["TARE_TEST_FULL"] === "1" ? 1000 : 300;

/** Calls at once, each with a client of its own, as its connections are not shared between threads. */
const program = `
import docker, sys, threading
socket, rounds, threads = sys.argv[1], int(sys.argv[2]), 4
lost = []
def work(first):
    client = docker.DockerClient(base_url="unix://" + socket)
    container = client.containers.get("told")
    for at in range(first, rounds, threads):
        code, output = container.exec_run(["echo", str(at)])
        if code != 0 or output != b"%d\\n" % at: lost.append((at, code, output))
    client.close()
workers = [threading.Thread(target=work, args=(first,)) for first in range(threads)]
for each in workers: each.start()
for each in workers: each.join()
client = docker.DockerClient(base_url="unix://" + socket)
api, container = client.api, client.containers.get("told")
for at in range(20):
    out, err = container.exec_run(["sh", "-c", "echo one; echo two >&2"], demux=True).output
    if (out, err) != (b"one\\n", b"two\\n"): lost.append(("demux", out, err))
    typed = container.exec_run(["cat"], stdin=True, socket=True, tty=False).output
    typed._sock.sendall(b"typed")
    typed._sock.shutdown(1)
    said = b""
    while len(said) < 13:
        piece = typed._sock.recv(100)
        if piece == b"": break
        said += piece
    if said != b"\\1\\0\\0\\0\\0\\0\\0\\5typed": lost.append(("cat", said))
    typed.close()
print(lost)
`;

describe.skipIf(!isRoot || !isThere)("docker-py", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["run", "-d", "--name", "told", "busybox", "sleep", "1000"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test(`exec_run() gives all output and the exit code, ${rounds} times`, async () => {
    const child = Bun.spawn([python, "-c", program, tare.socket, String(rounds)], {
      stdout: "pipe",
      stderr: "ignore", // urllib3 complains about connections that the program closes
      timeout: 100_000 * slowness,
    });
    expect([await new Response(child.stdout).text(), await child.exited]).toEqual(["[]\n", 0]);
  });
});
