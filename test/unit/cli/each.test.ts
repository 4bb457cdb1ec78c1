import { describe, expect, test } from "bun:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Failure } from "../../../src/base/failure.ts";
import { rankStarts } from "../../../src/cli/container/run/start-ranks.ts";
import { runCommandLine } from "./command-line.ts";

/** A daemon whose answers come when the test wants them. */
class Requests {
  readonly begun: string[] = [];
  readonly #answers = new Map<string, PromiseWithResolvers<void>>();

  readonly send = async (name: string): Promise<object> => {
    this.begun.push(name);
    await this.#answer(name).promise;
    return { StatusCode: name.length };
  };

  #answer(name: string): PromiseWithResolvers<void> {
    const known = this.#answers.get(name) ?? Promise.withResolvers<void>();
    this.#answers.set(name, known);
    return known;
  }

  succeed(...names: readonly string[]): void {
    for (const name of names) this.#answer(name).resolve();
  }

  fail(name: string, { fromDaemon = true }: { readonly fromDaemon?: boolean } = {}): void {
    const { promise, reject } = this.#answer(name);
    promise.catch(() => undefined);
    const kind = fromDaemon ? "not-found" : "unavailable";
    reject(new Failure(kind, `no ${name}`, { details: { fromDaemon } }));
  }

  async until(count: number): Promise<void> {
    while (this.begun.length < count) await nextTurn();
  }
}

const inspectNothing = async (): Promise<never> => {
  throw new Failure("not-found", "nothing there");
};

describe("commands on several containers", () => {
  for (const verb of ["stop", "kill", "restart", "start", "pause", "unpause", "wait", "rm", "update"]) {
    test(`${verb} acts on all at once, prints in the order of the arguments`, async () => {
      const requests = new Requests();
      const method = verb === "rm" ? "remove" : verb;
      const containers = { [method]: requests.send, inspect: inspectNothing };
      const flags = verb === "update" ? ["--memory", "1g"] : [];
      const finished = runCommandLine([verb, ...flags, "a", "bb", "ccc", "dddd"], { client: { containers } });
      await requests.until(4);
      // The last one is answered first.
      for (const name of ["dddd", "ccc"]) {
        requests.succeed(name);
        await nextTurn();
      }
      requests.fail("bb");
      await nextTurn();
      requests.succeed("a");
      const printed = verb === "wait" ? "1\n3\n4\n" : "a\nccc\ndddd\n";
      expect(await finished).toMatchObject({ status: 1, out: printed, err: "tare: no bb\n" });
    });
  }

  for (const verb of ["start", "stop", "restart", "pause", "unpause", "kill", "rm"]) {
    test(`pod ${verb} acts on all at once`, async () => {
      const requests = new Requests();
      const pods = {
        inspect: async (name: string) => ({ Id: name }),
        act: requests.send,
        end: requests.send,
        kill: requests.send,
        remove: requests.send,
      };
      const finished = runCommandLine(["pod", verb, "a", "b"], { client: { pods } });
      await requests.until(2);
      requests.fail("b");
      await nextTurn();
      requests.succeed("a");
      expect(await finished).toMatchObject({ status: 1, out: "a\n", err: "tare: no b\n" });
    });
  }

  test("at most 50 at a time", async () => {
    const requests = new Requests();
    const names = Array.from({ length: 60 }, (_, index) => `c${index}`);
    const finished = runCommandLine(["stop", ...names], { client: { containers: { stop: requests.send } } });
    await requests.until(50);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    expect(requests.begun).toEqual(names.slice(0, 50));
    requests.succeed("c30");
    await requests.until(51);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    expect(requests.begun).toEqual(names.slice(0, 51));
    requests.succeed(...names);
    expect((await finished).out).toBe(`${names.join("\n")}\n`);
  });

  test("when the daemon can't be reached, that is said once, and nothing else begins", async () => {
    const requests = new Requests();
    const names = Array.from({ length: 60 }, (_, index) => `c${index}`);
    for (const name of names) requests.fail(name, { fromDaemon: false });
    const { status, out, err } = await runCommandLine(["stop", ...names], {
      client: { containers: { stop: requests.send } },
    });
    expect([status, out, err]).toEqual([1, "", "tare: no c0\n"]);
    expect(requests.begun).toEqual(names.slice(0, 50));
  });

  test("rm --force prints what is missing in its place; an empty name does not stop the others", async () => {
    const requests = new Requests();
    requests.fail("b");
    requests.succeed("a", "c");
    const client = { containers: { remove: requests.send } };
    expect(await runCommandLine(["rm", "-f", "a", "b", "", "c"], { client })).toMatchObject({
      status: 1,
      out: "a\nb\nc\n",
      err: "tare: no b\ntare: container name cannot be empty\n",
    });
  });

  test("update changes ports of one after the other: the first gets a port that all want", async () => {
    const requests = new Requests();
    const client = { containers: { update: requests.send } };
    const finished = runCommandLine(["update", "--publish-add", "8080:80", "a", "b"], { client });
    await requests.until(1);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    expect(requests.begun).toEqual(["a"]);
    requests.succeed("a", "b");
    expect(await finished).toMatchObject({ status: 0, out: "a\nb\n" });
  });

  for (const verb of ["start", "restart"]) {
    test(`${verb} begins with the container that another one joins`, async () => {
      const requests = new Requests();
      const inspect = async (name: string) => ({
        Id: `id-of-${name}`,
        Name: `/${name}`,
        HostConfig: name === "web" ? { NetworkMode: "container:id-of-db" } : {},
      });
      const client = { containers: { [verb]: requests.send, inspect } };
      const finished = runCommandLine([verb, "web", "db", "other"], { client });
      await requests.until(2);
      for (let turn = 0; turn < 10; turn++) await nextTurn();
      expect(requests.begun).toEqual(["db", "other"]);
      requests.succeed("db", "other", "web");
      expect(await finished).toMatchObject({ status: 0, out: "web\ndb\nother\n" });
      expect(requests.begun).toEqual(["db", "other", "web"]);
    });
  }
});

describe("rankStarts()", () => {
  const named = (name: string, HostConfig = {}) => ({ Id: name.repeat(64), Name: `/${name}`, HostConfig });

  test("counts what must run before", () => {
    const joined = named("b", { NetworkMode: "container:a" });
    expect(
      rankStarts([
        named("d", { PidMode: `container:${"c".repeat(64)}`, IpcMode: "private" }),
        named("c", { Links: ["/b:alias"] }),
        joined,
        undefined,
        named("a", { NetworkMode: "bridge", Links: null }),
        named("e", { IpcMode: `container:${"a".repeat(12)}`, UsernsMode: "container:b" }),
        named("f", { NetworkMode: "container:elsewhere" }),
      ]),
    ).toEqual([3, 2, 1, 0, 0, 2, 0]);
  });

  test("ends when two need each other", () => {
    const ranks = rankStarts([named("a", { Links: ["b"] }), named("b", { PidMode: "container:a" })]);
    expect(ranks).toHaveLength(2);
  });
});
