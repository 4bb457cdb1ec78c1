import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { connectEngine } from "../../src/mod.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

/** Hashing so many bytes takes hours. */
const endlessBytes = 8 * 2 ** 40;
/** More than any image's layer may have. */
const depth = 1500;
const timeoutMs = 60_000;

describe.skipIf(!isRoot)("a commit that is canceled", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const nest = `i=0; while [ $i -lt ${depth} ]; do mkdir d && cd -P d || exit 1; i=$((i+1)); done`;
    const script = `${nest}; truncate -s ${endlessBytes} endless && touch /ready && sleep 100000`;
    await tare.must(["run", "-d", "--name", "endless", "busybox", "sh", "-c", script]);
    await tare.must(["exec", "endless", "sh", "-c", "until [ -e /ready ]; do sleep 0.01; done"]);
    await tare.must(["run", "--name", "small", "busybox", "touch", "/new"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const staged = (): readonly string[] => readdirSync(join(tare.dataRoot, "content", "ingest"));

  const waitUntilStaged = async (): Promise<void> => {
    await poll(() => (staged().length > 0 ? true : undefined), { timeoutMs, what: "see a commit begin" });
  };

  /** The commit is over: nothing of it is left, the container runs, and its lock is free. */
  const expectNoTrace = async (): Promise<void> => {
    await poll(() => (staged().length === 0 ? true : undefined), { timeoutMs, what: "see the commit end" });
    expect(await tare.must(["exec", "endless", "echo", "thawed"])).toBe("thawed");
    await tare.must(["pause", "endless"]); // takes the lock
    await tare.must(["unpause", "endless"]);
    expect(await tare.must(["images", "-q", "never"])).toBe("");
    expect(await tare.must(["system", "check"])).not.toContain("problem");
    await tare.must(["commit", "small", "after"]);
    expect(await tare.must(["run", "--rm", "after", "ls", "/new"])).toBe("/new");
  };

  test("by a client that closes its connection", async () => {
    const path = "/commit?container=endless&repo=never";
    const asking = request({ socketPath: tare.socket, method: "POST", path });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    asking.on("error", () => undefined);
    asking.on("close", () => resolve());
    asking.end();
    await waitUntilStaged();
    asking.destroy();
    await closed;
    await expectNoTrace();
  });

  test("by ctrl-C of `tare commit`", async () => {
    const args = [...tare.globalFlags, "commit", "endless", "never"];
    const child = spawn(executable, args, { stdio: "ignore" });
    const { promise: ended, resolve } = Promise.withResolvers<NodeJS.Signals | null>();
    child.on("close", (_, signal) => resolve(signal));
    await waitUntilStaged();
    child.kill("SIGINT");
    expect(await ended).toBe("SIGINT");
    await expectNoTrace();
  });

  test("by the signal of the library's commit(), also while it waits for another commit of the container", async () => {
    await using engine = await connectEngine({ host: `unix://${tare.socket}` });
    const [first, second] = [new AbortController(), new AbortController()];
    const commit = (signal: AbortSignal): Promise<unknown> =>
      engine.containers.commit("endless", { reference: "never", signal }).catch((thrown: unknown) => thrown);
    const committing = commit(first.signal);
    await waitUntilStaged();
    expect(await commit(AbortSignal.abort())).toMatchObject({ kind: "canceled" });
    const waiting = commit(second.signal);
    await engine.containers.inspect("small"); // the request before is under way
    second.abort();
    expect(await waiting).toMatchObject({ kind: "canceled" });
    expect(staged().length).toBe(1);
    first.abort();
    expect(await committing).toMatchObject({ kind: "canceled" });
    await expectNoTrace();
  });

  test("by the end of the daemon", async () => {
    const committing = tare.refused(["commit", "endless", "never"]);
    await waitUntilStaged();
    await tare.must(["daemon", "stop"]);
    await committing;
    // A daemon that had no time to remove its draft leaves it to the next one.
    await tare.must(["version"]);
    await expectNoTrace();
  });
});
