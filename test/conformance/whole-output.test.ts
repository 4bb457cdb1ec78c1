/**
 * No byte is lost: runs, execs and attaches through Docker's clients give each stream to its end, and the exit code.
 * `npm run full` performs 10,002 of them. TARE_OUTPUT_SEED changes which.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askApi } from "../support/ask-api.ts";
import { findDockerCli } from "../support/docker-cli.ts";
import { isFullRun } from "../support/full-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { randomOf } from "../support/random.ts";
import { Installation, isRoot } from "../support/tare.ts";

const seed = Number(process.env["TARE_OUTPUT_SEED"] ?? 20_261_203);
const casesEach = isFullRun ? 3334 : 40;
const vanishingClients = isFullRun ? 300 : 30;
const mebibyte = 1 << 20;
const atOnce = 3;

const verbs = ["run", "exec", "attach"] as const;

interface Case {
  readonly verb: (typeof verbs)[number];
  readonly command: readonly string[];
  /** The command's output on each stream: the beginning of the data file of that name. */
  readonly outBytes: number;
  readonly errBytes: number;
  readonly hasInput: boolean;
  /** Sent before the beginning of the data file `out`. */
  readonly input: string;
  readonly inBytes: number;
  /** The client reads with pauses. */
  readonly isSlow: boolean;
  readonly code: number;
}

function casesOf(client: number): readonly Case[] {
  const below = randomOf(seed + client);
  /** All magnitudes, and the sizes around those of pipes and buffers. */
  const size = (): number => {
    const edges = [0, 1, 4095, 4096, 32_768, 65_535, 65_536, 65_537, 262_144, mebibyte];
    return below(3) === 0 ? (edges[below(edges.length)] ?? 0) : below(2 ** (1 + below(20)));
  };
  return Array.from({ length: casesEach }, (_, index) => {
    const verb = verbs[index % verbs.length] ?? "run";
    const [outBytes, errBytes, code] = [size(), size(), below(100)];
    const echoes = below(3) === 0;
    const isSlow = below(8) === 0;
    const err = `head -c ${errBytes} /data/err >&2`;
    // The shell gives a background command no input of its own: descriptor 3 keeps it.
    const both = `${echoes ? "cat <&3" : `head -c ${outBytes} /data/out`} & ${err}; wait`;
    // A container that runs already waits until its client is there.
    const waits = verb === "attach";
    return {
      verb,
      command: ["sh", "-c", `exec 3<&0; ${waits ? "read line; " : ""}${both}; exit ${code}`],
      outBytes,
      errBytes,
      hasInput: echoes || waits,
      input: waits ? "go\n" : "",
      inBytes: echoes ? outBytes : 0,
      isSlow,
      code,
    };
  });
}

describe.skipIf(!isRoot)("output through Docker's clients", () => {
  let tare: Installation;
  let data: string;
  let outData: Buffer;
  let errData: Buffer;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    data = join(tare.directory, "bytes");
    mkdirSync(data);
    const below = randomOf(seed);
    const random = (): Buffer => Buffer.from(Uint8Array.from({ length: mebibyte }, () => below(256)));
    [outData, errData] = [random(), random()];
    writeFileSync(join(data, "out"), outData);
    writeFileSync(join(data, "err"), errData);
    await tare.must([
      "run",
      "-d",
      "--name",
      "target",
      "-v",
      `${data}:/data:ro`,
      "busybox",
      "sleep",
      "100000",
    ]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  /** Performs the cases in a program of another language, which prints those that were wrong. */
  async function performIn(argv: readonly string[], client: number): Promise<unknown> {
    const [program = "", ...words] = argv;
    const child = spawn(program, [...words, tare.socket, data], { stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.end(JSON.stringify(casesOf(client)));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const [printed, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if ((await ended) !== 0) throw new Error(`${program} failed: ${errors}`);
    return JSON.parse(printed);
  }

  const dockerCli = findDockerCli();
  test.skipIf(dockerCli === undefined)(
    `docker-cli gives all of it, ${casesEach} times`,
    async () => {
      const flags = ["--config", join(tare.directory, "docker"), "--host", `unix://${tare.socket}`];
      const docker = async (
        words: readonly string[],
        {
          input = Buffer.alloc(0),
          isSlow = false,
        }: { readonly input?: Buffer; readonly isSlow?: boolean } = {},
      ): Promise<{ readonly out: Buffer; readonly err: Buffer; readonly code: number | null }> => {
        const child = spawn(dockerCli ?? "", [...flags, ...words], { stdio: ["pipe", "pipe", "pipe"] });
        const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
        child.stdin.on("error", () => {}); // it may end before it reads
        child.stdin.end(input);
        const read = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => {
          const pieces: Buffer[] = [];
          for await (const piece of stream) {
            pieces.push(piece);
            if (isSlow) await sleep(10);
          }
          return Buffer.concat(pieces);
        };
        const [out, err] = await Promise.all([read(child.stdout), read(child.stderr)]);
        return { out, err, code: await ended };
      };
      const perform = async (each: Case): Promise<Awaited<ReturnType<typeof docker>>> => {
        const options = {
          input: Buffer.concat([Buffer.from(each.input), outData.subarray(0, each.inBytes)]),
          isSlow: each.isSlow,
        };
        const mount = ["-v", `${data}:/data:ro`];
        const open = each.hasInput ? ["-i"] : [];
        if (each.verb === "run")
          return await docker(["run", "--rm", ...open, ...mount, "busybox", ...each.command], options);
        if (each.verb === "exec") return await docker(["exec", ...open, "target", ...each.command], options);
        const id = (await docker(["create", "--rm", "-i", ...mount, "busybox", ...each.command])).out
          .toString()
          .trim();
        await docker(["start", id]);
        return await docker(["attach", id], options);
      };
      const wrong: unknown[] = [];
      const remaining = casesOf(0).values();
      const work = async (): Promise<void> => {
        for (const each of remaining) {
          const { out, err, code } = await perform(each);
          const isWhole =
            out.equals(outData.subarray(0, each.outBytes)) && err.equals(errData.subarray(0, each.errBytes));
          if (!isWhole || code !== each.code) wrong.push({ ...each, got: [out.length, err.length, code] });
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      expect(wrong).toEqual([]);
    },
    3_600_000,
  );

  // Debian's, where the package lies; not one that PATH may have in front of it.
  const python = "/usr/bin/python3";
  const hasDockerPy = spawnSync(python, ["-c", "import docker"]).status === 0;
  test.skipIf(!hasDockerPy)(
    `docker-py gives all of it, ${casesEach} times`,
    async () => {
      const program = join(import.meta.dir, "whole-output-docker-py.py");
      expect(await performIn([python, program], 1)).toEqual([]);
    },
    3_600_000,
  );

  const node = Bun.which("node");
  test.skipIf(node === null)(
    `dockerode gives all of it, ${casesEach} times`,
    async () => {
      const program = join(import.meta.dir, "whole-output-dockerode.mjs");
      expect(await performIn([node ?? "", program], 2)).toEqual([]);
    },
    3_600_000,
  );

  /** A raw request whose connection is kept, unread. */
  async function begin(method: string, path: string, body = ""): Promise<Socket> {
    const socket = connect(tare.socket);
    socket.on("error", () => {});
    socket.pause();
    const head = [`${method} ${path} HTTP/1.1`, "Host: tare", "Content-Type: application/json"];
    const upgrade = ["Connection: Upgrade", "Upgrade: tcp", `Content-Length: ${body.length}`];
    socket.write(`${[...head, ...upgrade].join("\r\n")}\r\n\r\n${body}`);
    return await new Promise((resolve) => socket.once("readable", () => resolve(socket)));
  }

  const daemonBytes = (): number => {
    const status = readFileSync(`/proc/${tare.daemonPid() ?? 0}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  };

  test(`${vanishingClients} clients that stop reading and vanish take no memory of the daemon`, async () => {
    const much = "for i in $(seq 64); do cat /data/out; done; cat /data/err >&2";
    const before = daemonBytes();
    let most = 0;
    for (let done = 0; done < vanishingClients; done += 6) {
      const sockets: Socket[] = [];
      const create = ["create", "-i", "-v", `${data}:/data:ro`, "busybox", "sh", "-c", `read line; ${much}`];
      const names = await Promise.all([1, 2, 3].map(() => tare.must(create)));
      for (const name of names) {
        await tare.must(["start", name]);
        sockets.push(await begin("POST", `/containers/${name}/attach?stream=1&stdin=1&stdout=1&stderr=1`));
        const body = { AttachStdout: true, AttachStderr: true, Cmd: ["sh", "-c", much] };
        const { text } = await askApi(tare.socket, "POST", "/containers/target/exec", body);
        const { Id } = JSON.parse(text) as { Id: string };
        sockets.push(await begin("POST", `/exec/${Id}/start`, "{}"));
      }
      // Those of the containers; an exec ignores it.
      for (const socket of sockets) socket.write("go\n");
      await sleep(300);
      most = Math.max(most, daemonBytes());
      for (const socket of sockets) socket.destroy();
      // Without their readers they end.
      for (const name of names) expect(await tare.must(["wait", name])).toBe("0");
      await poll(
        async () => {
          const { stdout } = await tare.tare(["top", "target"]);
          return stdout.trim().split("\n").length === 2 ? true : undefined;
        },
        { timeoutMs: 20_000, what: "the execs end" },
      );
      await tare.must(["rm", ...names]);
    }
    expect(Math.max(most, daemonBytes()) - before).toBeLessThan(96 * mebibyte);
    expect(await tare.must(["exec", "target", "echo", "still here"])).toBe("still here");
  }, 3_600_000);
});
