import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

interface Message {
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: string;
  readonly time: number;
  readonly timeNano: number;
}

/** Takes over a connection as Docker's client does, types the keys and waits for the end. */
async function leaveByKeys(socket: string, path: string, keys = "\x10\x11"): Promise<void> {
  const client = connect(socket);
  const body = path.startsWith("/exec") ? "{}" : "";
  const fields = ["Host: tare", "Connection: Upgrade", "Upgrade: tcp", "Content-Type: application/json"];
  client.write([`POST ${path} HTTP/1.1`, ...fields, `Content-Length: ${body.length}`, "", body].join("\r\n"));
  const [head] = (await once(client, "data")) as [Buffer];
  expect(head.toString()).toStartWith("HTTP/1.1 101 ");
  client.resume();
  client.write(keys);
  await once(client, "end");
  client.destroy();
}

describe.skipIf(!isRoot)("events", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  async function past(filters: object = {}, version = "1.51"): Promise<readonly Message[]> {
    const query = new URLSearchParams({ since: "0.5", until: "0", filters: JSON.stringify(filters) });
    const { status, text } = await askApi(tare.socket, "GET", `/v${version}/events?${query.toString()}`);
    expect({ status, text: status === 200 ? "" : text }).toEqual({ status: 200, text: "" });
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Message]));
  }
  const actionsOf = (messages: readonly Message[]): readonly string[] =>
    messages.map(({ Type, Action }) => `${Type} ${Action}`);

  test("tell each step of a container's life in dockerd's order, with its attributes", async () => {
    const id = await tare.must([
      "create",
      "--name",
      "life",
      "-l",
      "a=b",
      "-v",
      "data:/data",
      "busybox",
      "sleep",
      "100",
    ]);
    await tare.must(["start", "life"]);
    await tare.must(["exec", "life", "true"]);
    await tare.must(["exec", "life", "sh", "-c", "exit 3"]).catch(() => undefined);
    await tare.must(["top", "life"]);
    await tare.must(["rename", "life", "life2"]);
    await tare.must(["kill", "life2"]);
    await tare.must(["wait", "life2"]);
    await tare.must(["rm", "life2"]);
    const all = await past();
    const own = all.filter(({ Actor }) => Actor.ID === id || Actor.Attributes["container"] === id);
    expect(actionsOf(own)).toEqual([
      "container create",
      "network connect",
      "volume mount",
      "container start",
      "container exec_create: true ",
      "container exec_start: true ",
      "container exec_die",
      "container exec_create: sh -c exit 3",
      "container exec_start: sh -c exit 3",
      "container exec_die",
      "container top",
      "container rename",
      "container kill",
      "network disconnect",
      "volume unmount",
      "container die",
      "container destroy",
    ]);
    const attributes = own.map(({ Actor }) => Actor.Attributes);
    const common = { a: "b", image: "busybox" };
    expect(attributes[2]).toEqual({
      container: id,
      driver: "local",
      destination: "/data",
      propagation: "",
      "read/write": "true",
    });
    expect(attributes[9]).toEqual({
      ...common,
      name: "life",
      exitCode: "3",
      execID: expect.stringMatching(/^\w{64}$/),
    });
    expect(attributes[11]).toEqual({ ...common, name: "life2", oldName: "/life" });
    expect(attributes[12]).toEqual({ ...common, name: "life2", signal: "9" });
    expect(attributes[15]).toEqual({
      ...common,
      name: "life2",
      exitCode: "137",
      execDuration: expect.any(String),
    });
    const times = all.map(({ timeNano }) => timeNano);
    expect(times).toEqual(times.toSorted((one, two) => one - two));
  });

  test("of images have dockerd's names, and those of prune what was freed", async () => {
    const seen = (await past({ type: ["image"] })).length;
    const id = await tare.must(["inspect", "--format", "{{.Id}}", "--type", "image", "busybox"]);
    await tare.must(["tag", "busybox", "other:1"]);
    const archive = `${tare.directory}/other.tar`;
    await tare.must(["save", "-o", archive, "other:1"]);
    await tare.must(["rmi", "other:1"]);
    await tare.must(["load", "-i", archive]);
    await tare.must(["rmi", "other:1"]);
    const made = (await past({ type: ["image"] })).slice(seen);
    expect(made.map(({ Action, Actor }) => [Action, Actor.ID, Actor.Attributes["name"]])).toEqual([
      ["tag", id, "other:1"],
      ["save", id, id],
      ["untag", id, "other:1"],
      ["load", id, id],
      ["untag", id, "other:1"],
    ]);
    await tare.must(["container", "prune", "-f"]);
    await tare.must(["network", "prune", "-f"]);
    await tare.must(["volume", "prune", "-f"]);
    await tare.must(["image", "prune", "-f"]);
    const prunes = await past({ event: ["prune"] });
    expect(prunes.map(({ Type, Actor }) => [Type, Actor.Attributes])).toEqual(
      ["container", "network", "volume", "image"].map((type) => [type, { reclaimed: "0" }]),
    );
  });

  test("have three old fields below 1.52, and no created images below 1.46", async () => {
    await tare.must(["create", "--name", "committed", "busybox"]);
    await tare.must(["commit", "committed", "made:1"]);
    const id = await tare.must(["inspect", "--format", "{{.Id}}", "--type", "image", "made:1"]);
    const ofImage = { image: [id], type: ["image"] };
    expect(actionsOf(await past(ofImage, "1.45"))).toEqual(["image tag"]);
    const [created] = await past(ofImage, "1.46");
    expect(created).toMatchObject({ status: "create", id, Action: "create", scope: "local" });
    const [commit] = await past({ event: ["commit"], container: ["commi"] });
    expect(commit).toMatchObject({ status: "commit", id: commit?.Actor.ID ?? "", from: "busybox" });
    await tare.must(["rm", "committed"]);
    await tare.must(["rmi", "made:1"]);
  });

  test("tell that a client has left a terminal by the detach keys", async () => {
    const id = await tare.must(["run", "-dit", "--name", "shell", "busybox", "sh"]);
    await leaveByKeys(tare.socket, `/containers/${id}/attach?stream=1&stdin=1&stdout=1`);
    const exec = { AttachStdin: true, AttachStdout: true, Tty: true, Cmd: ["sh"], DetachKeys: "x,y" };
    const { text } = await askApi(tare.socket, "POST", `/containers/${id}/exec`, exec);
    const { Id } = JSON.parse(text) as { Id: string };
    await leaveByKeys(tare.socket, `/exec/${Id}/start`, "xy");
    const actions = (await past({ container: [id] })).map(({ Action }) => Action);
    expect(actions).toEqual([
      "create",
      "start",
      "attach",
      "detach",
      "exec_create: sh ",
      "exec_start: sh ",
      "exec_detach",
    ]);
    await tare.must(["rm", "-f", "shell"]);
  });

  test("are kept over kill -9 of the daemon, and tell each end meanwhile once, with its time", async () => {
    // They end once the daemon is gone.
    const folder = join(tare.directory, "signal");
    mkdirSync(folder);
    const wait = "until [ -e /signal/go ]; do sleep 0.05; done";
    const run = async (name: string, script: string, ...flags: string[]): Promise<string> =>
      tare.must([
        "run",
        "-d",
        "--name",
        name,
        "-v",
        `${folder}:/signal`,
        ...flags,
        "busybox",
        "sh",
        "-c",
        script,
      ]);
    const first = await run("first", `${wait}; exit 4`);
    const second = await run("second", wait, "--rm");
    await run("third", "sleep 100");
    const execs = spawn(executable, [...tare.globalFlags, "exec", "third", "sh", "-c", `${wait}; exit 5`]);
    await new Promise<void>((resolve) => {
      const look = async (): Promise<void> => {
        const all = await past({ container: ["third"] });
        if (all.some(({ Action }) => Action.startsWith("exec_start"))) resolve();
        else setTimeout(() => void look(), 20);
      };
      void look();
    });
    const before = await past();
    const killed = Date.now();
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    execs.kill("SIGKILL");
    writeFileSync(join(folder, "go"), "");
    await Bun.sleep(1500);
    const back = Date.now();
    await tare.must(["ps"]);
    for (let round = 0; ; round++) {
      const after = await past();
      expect(after.slice(0, before.length)).toEqual([...before]);
      const news = after.slice(before.length);
      const dies = news.filter(({ Action }) => Action === "die" || Action === "exec_die");
      if (dies.length < 3 && round < 100) {
        await Bun.sleep(20);
        continue;
      }
      const byEnd = dies.map(({ Actor }) => `${Actor.Attributes["name"]} ${Actor.Attributes["exitCode"]}`);
      expect(byEnd.toSorted((one, two) => one.localeCompare(two))).toEqual([
        "first 4",
        "second 0",
        "third 5",
      ]);
      for (const { timeNano } of dies) {
        expect(timeNano / 1e6).toBeGreaterThan(killed - 100);
        expect(timeNano / 1e6).toBeLessThan(back);
      }
      expect(news.filter(({ Action }) => Action === "destroy").map(({ Actor }) => Actor.ID)).toEqual([
        second,
      ]);
      expect(after.filter(({ Action, Actor }) => Action === "die" && Actor.ID === first)).toHaveLength(1);
      break;
    }
    // Once more: nothing is told again.
    const count = (await past()).length;
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    await tare.must(["ps"]);
    expect(await past()).toHaveLength(count);
    await tare.must(["rm", "-f", "first", "third"]);
  });
});
