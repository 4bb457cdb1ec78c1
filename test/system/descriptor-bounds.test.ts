import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { divideDescriptors } from "../../src/linux/process/descriptor-budget.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

const limit = 400;
const budget = divideDescriptors(limit);

describe.skipIf(!isRoot)("a daemon with few file descriptors", () => {
  let tare: Installation;
  const open: Socket[] = [];

  beforeAll(async () => {
    tare = new Installation();
    const load = [executable, ...tare.globalFlags, "load", "-i", busyboxArchive()].join(" ");
    execFileSync("sh", ["-c", `ulimit -n ${limit} && exec ${load}`], { stdio: "ignore" });
    expect(readFileSync(`/proc/${tare.daemonPid()}/limits`, "utf8")).toMatch(/^Max open files +400 +400 /m);
  });
  afterAll(async () => {
    for (const socket of open) socket.destroy();
    await tare[Symbol.asyncDispose]();
  });

  /** The first line of the answer and what came with it; undefined when the daemon closed the connection first. */
  function ask(request: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ path: tare.socket });
      open.push(socket);
      socket.on("error", () => {});
      socket.on("close", () => resolve(undefined));
      socket.on("data", (piece) => resolve(piece.toString()));
      socket.write(request);
    });
  }

  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: tare\r\n\r\n`;

  test("refuses event streams above their bound with 503 and a sentence; other commands go on", async () => {
    const answers: (string | undefined)[] = [];
    for (let at = 0; at < 2 * budget.connections.events; at++) answers.push(await ask(get("/events")));
    const served = answers.filter((answer) => answer?.startsWith("HTTP/1.1 200"));
    expect(served.length).toBe(budget.connections.events);
    for (const answer of answers.slice(served.length)) {
      expect(answer).toMatch(/^HTTP\/1\.1 503 /);
      expect(answer).toMatch(/"message":"cannot answer the request: \d+ event streams are open/);
    }
    // All at once: each one gets an answer.
    const burst = await Promise.all(Array.from({ length: limit }, () => ask(get("/events"))));
    expect(burst.filter((answer) => !/^HTTP\/1\.1 503 [^]*"message":"cannot /.test(answer ?? ""))).toEqual(
      [],
    );
    await tare.must(["run", "-d", "--name", "web", "busybox", "sleep", "1000"]);
    expect(await tare.must(["exec", "web", "echo", "goes on"])).toBe("goes on");
    await tare.must(["rm", "-f", "web"]);
    for (const socket of open.splice(0)) socket.destroy();
  });

  test("closes the connections that are idle longest; commands go on", async () => {
    const closed = new Set<Socket>();
    const idle: Socket[] = [];
    for (let at = 0; at < limit; at++) {
      const socket = connect({ path: tare.socket });
      open.push(socket);
      socket.on("error", () => {});
      socket.on("close", () => closed.add(socket));
      socket.resume();
      idle.push(socket);
    }
    await poll(() => closed.size >= limit - budget.connections.idle || undefined, {
      timeoutMs: 20_000,
      what: "see the idle connections closed",
    });
    expect(closed.size).toBe(limit - budget.connections.idle);
    expect(await tare.must(["run", "--rm", "busybox", "echo", "goes on"])).toBe("goes on");
    for (const socket of open.splice(0)) socket.destroy();
  });

  test("keeps a reserve: starts and execs are refused before it is used up, stops and removals are not", async () => {
    await tare.must(["run", "-d", "--name", "first", "busybox", "sleep", "1000"]);
    const pid = tare.daemonPid() as number;
    const inUse = (): number => readdirSync(`/proc/${pid}/fd`).length;
    const names: string[] = [];
    let refusal = "";
    for (let at = 0; refusal === "" && at < 200; at++) {
      const name = `c${at}`;
      const { status, stderr } = await tare.tare(["run", "-d", "--name", name, "busybox", "sleep", "1000"]);
      names.push(name);
      if (status !== 0) refusal = stderr;
    }
    expect(refusal).toContain(`of ${limit} file descriptors only the reserve is left`);
    expect(inUse()).toBeLessThan(limit);
    expect(await tare.refused(["exec", "first", "true"])).toContain("only the reserve is left");
    await tare.must(["restart", "-t", "0", "first"]);
    await tare.must(["stop", "-t", "0", "first"]);
    await tare.must(["rm", "-f", "first", ...names]);
    expect(await tare.must(["run", "--rm", "busybox", "echo", "again"])).toBe("again");
  });
});
