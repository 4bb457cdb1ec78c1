import { describe, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/spec/stream-frames.ts";
import { poll } from "../../../src/base/deadline.ts";
import type { LogEntry } from "../../../src/model/logs.ts";
import { startDaemon } from "./daemon-under-test.ts";
import { bodyOf, rawRequest, requestText, statusOf } from "./raw-request.ts";

async function* pieces(...texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}

describe("logs", () => {
  test("they come in frames, by stream, with times and from the tail", async () => {
    await using daemon = await startDaemon();
    const { containers } = daemon.client;
    const { Id } = await containers.create({ Image: "busybox", Cmd: ["sleep", "60"] });
    await containers.start(Id);
    const { process } = daemon.engine.find(Id);
    await process.output("stdout", "one\n");
    await process.output("stderr", "two ");
    await process.output("stderr", "parts\n");
    const read = async (options: object): Promise<string[]> => {
      const all: string[] = [];
      for await (const { stream, bytes } of containers.logs(Id, { stdout: true, stderr: true, ...options })) {
        all.push(`${stream}: ${Buffer.from(bytes).toString()}`);
      }
      return all;
    };
    expect(await read({})).toEqual(["stdout: one\n", "stderr: two ", "stderr: parts\n"]);
    expect(await read({ stdout: false })).toEqual(["stderr: two ", "stderr: parts\n"]);
    expect(await read({ tail: "1" })).toEqual(["stderr: parts\n"]);
    expect(await read({ timestamps: true })).toEqual([
      "stdout: 2023-11-14T22:13:20.123456789Z one\n",
      "stderr: 2023-11-14T22:13:20.123456790Z two ",
      "stderr: parts\n",
    ]);
    await expect(read({ stdout: false, stderr: false })).rejects.toMatchObject({
      kind: "invalid",
      message: "Bad parameters: you must choose at least one stream",
    });
  });

  test("following goes on until the container ends", async () => {
    await using daemon = await startDaemon();
    const { containers } = daemon.client;
    const { Id } = await containers.create({ Image: "busybox", Cmd: ["sleep", "60"], Tty: true });
    await containers.start(Id);
    const { process } = daemon.engine.find(Id);
    const { isFramed, bytes } = await containers.openLogs(Id, { follow: true, stdout: true });
    expect(isFramed).toBe(false);
    await process.output("stdout", "a");
    expect(String((await bytes.next()).value)).toBe("a");
    await process.output("stdout", "b");
    expect(String((await bytes.next()).value)).toBe("b");
    process.end(0);
    expect((await bytes.next()).done).toBe(true);
  });
});

describe("a client that goes away", () => {
  test("ends the reading of a log that it did not take", async () => {
    await using daemon = await startDaemon();
    const { containers } = daemon.client;
    const { Id } = await containers.create({ Image: "busybox", Cmd: ["sleep", "60"] });
    let given = 0;
    let isLeft = false;
    const endless = async function* (): AsyncGenerator<LogEntry, void, undefined> {
      const bytes = Buffer.alloc(16 * 1024, "x");
      try {
        for (;;) {
          given++;
          yield { stream: "stdout", timeNs: 1n, bytes };
        }
      } finally {
        isLeft = true;
      }
    };
    daemon.engine.containers.logs = endless;
    const { bytes } = await containers.openLogs(Id, { stdout: true, follow: true });
    await bytes.next();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(given).toBeLessThan(1000);
    await bytes.return();
    await poll(() => (isLeft ? true : undefined), { timeoutMs: 2000, what: "leave the log" });
  });

  test("ends the reading of an archive in the middle", async () => {
    await using daemon = await startDaemon();
    const given = new AbortController();
    const archive = async function* () {
      yield Buffer.alloc(1 << 20);
      given.abort();
      await new Promise((resolve) => setTimeout(resolve, 2000));
      yield Buffer.alloc(1);
    };
    let failure: unknown;
    const load = daemon.engine.images.load.bind(daemon.engine.images);
    daemon.engine.images.load = async function* (source, options) {
      try {
        yield* load(source, options);
      } catch (thrown) {
        failure = thrown;
        throw thrown;
      }
    };
    const loading = Array.fromAsync(daemon.client.images.load(archive(), { signal: given.signal }));
    await expect(loading).rejects.toMatchObject({ kind: "canceled" });
    await poll(() => (failure === undefined ? undefined : true), { timeoutMs: 1500, what: "notice" });
    expect(failure).toMatchObject({ kind: "canceled" });
  });
});

describe("wait", () => {
  test("its head comes before the start, its end after the exit", async () => {
    await using daemon = await startDaemon();
    const { containers } = daemon.client;
    const { Id } = await containers.create({
      Image: "busybox",
      Cmd: ["exit", "5"],
      HostConfig: { AutoRemove: true },
    });
    const { exit } = await containers.beginWait(Id, { condition: "removed" });
    await containers.start(Id);
    expect(await exit).toEqual({ StatusCode: 5 });
    expect(await containers.list({ all: true })).toEqual([]);
  });

  test("it is given up when the client goes, and by the client's signal", async () => {
    await using daemon = await startDaemon();
    const { containers } = daemon.client;
    const { Id } = await containers.create({ Image: "busybox", Cmd: ["sleep", "60"] });
    await containers.start(Id);
    const given = new AbortController();
    const waiting = containers.wait(Id, { signal: given.signal });
    setTimeout(() => given.abort(), 30);
    await expect(waiting).rejects.toMatchObject({ kind: "canceled" });
  });
});

describe("events", () => {
  test("past ones and those that come, with all digits of the time; leaving the loop ends it", async () => {
    await using daemon = await startDaemon({ isChecked: false });
    daemon.engine.emit("container", "create", "aaaa1111");
    const seen: string[] = [];
    for await (const event of daemon.client.system.events({ since: "1" })) {
      seen.push(`${event.Type} ${event.Action} ${event.from ?? ""} ${event.Actor.ID}`);
      if (seen.length === 2) break;
      daemon.engine.emit("image", "tag", "bbbb2222");
    }
    expect(seen).toEqual(["container create busybox aaaa1111", "image tag  bbbb2222"]);
    await poll(() => (daemon.engine.eventWatchers === 0 ? true : undefined), {
      timeoutMs: 2000,
      what: "unsubscribe",
    });
    const reply = await rawRequest(
      daemon.socketPath,
      requestText("GET /v1.45/events?since=1&until=2000000000"),
    );
    expect(bodyOf(reply)).toContain('"timeNano":1700000000123456790}');
  });

  test("an end alone, since=0 and until=0 give past events, as with dockerd; an end before the begin is refused", async () => {
    await using daemon = await startDaemon();
    daemon.engine.emit("container", "create", "aaaa1111");
    for (const query of ["until=2000000000", "since=0&until=2000000000", "until=0", "since=0&until=0"]) {
      const reply = await rawRequest(daemon.socketPath, requestText(`GET /v1.45/events?${query}`));
      expect([query, statusOf(reply), bodyOf(reply)]).toEqual([
        query,
        200,
        expect.stringContaining("aaaa1111"),
      ]);
    }
    for await (const event of daemon.client.system.events({ since: "0" })) {
      expect(event.Actor.ID).toBe("aaaa1111");
      break;
    }
    const refused = await rawRequest(daemon.socketPath, requestText("GET /v1.45/events?since=20&until=10"));
    expect([statusOf(refused), bodyOf(refused)]).toEqual([
      400,
      expect.stringContaining("`since` time (20) cannot be after `until` time (10)"),
    ]);
  });
});

describe("images", () => {
  test("load tells progress, and a failure on the way as a line", async () => {
    await using daemon = await startDaemon();
    const load = (text: string) => Array.fromAsync(daemon.client.images.load(pieces(text, "more")));
    expect(await load("good")).toEqual([
      { status: "Loading layer", progressDetail: { current: 1, total: 2 }, id: "aaaaaaaaaaaa" },
      { stream: "Loaded image: busybox:latest\n" },
    ]);
    expect((await load("half")).at(-1)?.error).toBe("cannot load the archive: a layer is cut");
    await expect(load("bad")).rejects.toMatchObject({
      kind: "invalid",
      message: "cannot load the archive: it is no tar",
    });
  });

  test("an upload waits until it is read", async () => {
    await using daemon = await startDaemon();
    const gate = Promise.withResolvers<void>();
    daemon.engine.loadGate = gate.promise;
    let sentBytes = 0;
    const archive = async function* () {
      for (let index = 0; index < 64; index++) {
        sentBytes += 1 << 20;
        yield Buffer.alloc(1 << 20);
      }
    };
    const loading = Array.fromAsync(daemon.client.images.load(archive()));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(sentBytes).toBeLessThan(16 << 20);
    gate.resolve();
    await loading;
    expect(daemon.engine.loadedBytes).toBe(64 << 20);
  });

  test("import, tag, inspect, history, remove; a pull is refused", async () => {
    await using daemon = await startDaemon();
    const { images } = daemon.client;
    const imported = images.import(pieces("tar"), { repository: "new", tag: "1" });
    expect((await Array.fromAsync(imported)).at(-1)?.status).toStartWith("sha256:");
    expect(daemon.engine.tags).toContain("new:1");
    await images.tag("busybox", { repository: "reg.example/a/b", tag: "c" });
    expect((await images.inspect("reg.example/a/b:c")).Config.Cmd).toEqual(["sh"]);
    expect((await images.history("busybox"))[0]).toMatchObject({ CreatedBy: "COPY", Size: 4_000_000 });
    expect(await images.remove("reg.example/a/b:c")).toContainEqual({ Untagged: "reg.example/a/b:c" });
    await expect(images.inspect("nope")).rejects.toMatchObject({ message: "No such image: nope:latest" });
    const pulled = Array.fromAsync(images.pull("private", { tag: "latest" }));
    await expect(pulled).rejects.toThrow("pull access denied for private:latest");
  });
});

test("encodeFrame() is what the fake speaks", () => {
  expect(encodeFrame("stderr", Buffer.from("x")).toString("hex")).toBe("020000000000000178");
});
