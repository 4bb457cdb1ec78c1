import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("lists of containers", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["network", "create", "net"]);
    await tare.must(["run", "-d", "--name", "first", "busybox", "sleep", "100000"]);
  });
  afterAll(async () => {
    await tare.must(["rm", "-f", "first"]);
    await tare[Symbol.asyncDispose]();
  });

  interface Row {
    readonly Names: readonly string[];
    readonly Image: string;
    readonly State: string;
    readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> };
  }

  /** As any client of Docker's API asks. */
  async function list(): Promise<readonly Row[]> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket = connect(`${tare.runRoot}/tare.sock`);
    let reply = "";
    socket.on("data", (piece: Buffer) => (reply += piece.toString()));
    socket.on("end", () => resolve(reply.slice(reply.indexOf("\r\n\r\n") + 4)));
    socket.on("error", reject);
    socket.write("GET /v1.45/containers/json?all=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return JSON.parse(await promise) as Row[];
  }

  test("show each change at once, however often they are asked for", async () => {
    const over = new AbortController();
    const others = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) await list();
    });
    const row = async (): Promise<Row | undefined> =>
      (await list()).find(({ Names }) => Names.includes("/first"));
    for (let round = 0; round < 5; round++) {
      await tare.must(["create", "--name", `more${round}`, "busybox", "true"]);
      expect((await list()).map(({ Names }) => Names[0])).toContain(`/more${round}`);
      await tare.must(["rename", `more${round}`, `named${round}`]);
      expect((await list()).map(({ Names }) => Names[0])).toContain(`/named${round}`);
      await tare.must(["rm", `named${round}`]);
      expect((await list()).map(({ Names }) => Names[0])).not.toContain(`/named${round}`);
      await tare.must(["pause", "first"]);
      expect(await row()).toMatchObject({ State: "paused" });
      await tare.must(["unpause", "first"]);
      expect(await row()).toMatchObject({ State: "running" });
      await tare.must(["network", "connect", "net", "first"]);
      expect(Object.keys((await row())?.NetworkSettings.Networks ?? {}).toSorted()).toEqual([
        "bridge",
        "net",
      ]);
      await tare.must(["network", "disconnect", "net", "first"]);
      expect(Object.keys((await row())?.NetworkSettings.Networks ?? {})).toEqual(["bridge"]);
      await tare.must(["kill", "first"]);
      await tare.must(["wait", "first"]);
      expect(await row()).toMatchObject({ State: "exited" });
      await tare.must(["start", "first"]);
      expect(await row()).toMatchObject({ State: "running" });
    }
    over.abort();
    await Promise.all(others);
  });
});
