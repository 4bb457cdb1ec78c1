import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const sleeper = ["busybox", "sleep", "1000"];
const count = 1000;

interface Inspected {
  readonly Id: string;
  readonly Config: { readonly ExposedPorts: Readonly<Record<string, object>> };
  readonly HostConfig: { readonly PortBindings: Readonly<Record<string, readonly object[]>> };
  readonly NetworkSettings: { readonly Ports: Readonly<Record<string, readonly object[]>> };
}

describe.skipIf(!isRoot)("a range of ports", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const inspect = async (name: string): Promise<Inspected> =>
    (await ask("GET", `/v1.45/containers/${name}/json`)) as Inspected;

  const ask = async (method: string, path: string, body?: object): Promise<unknown> =>
    JSON.parse((await askApi(tare.socket, method, path, body)).text);

  /** The container's row, as it is on the disk. */
  const withRecord = async (id: string, change: (text: string) => string): Promise<void> => {
    await tare.must(["daemon", "stop"]);
    const database = new DatabaseSync(join(tare.dataRoot, "state.db"));
    database.exec("PRAGMA busy_timeout = 20000"); // until it has left
    const row = database.prepare("SELECT record FROM containers WHERE id = ?").get(id);
    const text = row?.["record"] as string;
    database.prepare("UPDATE containers SET record = ? WHERE id = ?").run(change(text), id);
    database.close();
    await tare.must(["ps", "-q"]); // starts it again
  };

  const expectThousand = ({ Config, HostConfig, NetworkSettings }: Inspected, shift: number): void => {
    expect(Object.keys(Config.ExposedPorts)).toHaveLength(count);
    expect(Object.keys(HostConfig.PortBindings)).toHaveLength(count);
    expect(HostConfig.PortBindings["20999/tcp"]).toEqual([{ HostIp: "", HostPort: `${20_999 + shift}` }]);
    expect(Object.keys(NetworkSettings.Ports)).toHaveLength(count);
    expect(NetworkSettings.Ports["20999/tcp"]).toEqual([
      { HostIp: "0.0.0.0", HostPort: `${20_999 + shift}` },
      { HostIp: "::", HostPort: `${20_999 + shift}` },
    ]);
  };

  test("is shown port by port, and remembered as one", async () => {
    await tare.must(["run", "-d", "--name", "web", "-p", "20000-20999:20000-20999", ...sleeper]);
    const web = await inspect("web");
    expectThousand(web, 0);
    expect(await tare.must(["ps", "--format", "{{.Ports}}"])).toBe(
      "0.0.0.0:20000-20999->20000-20999/tcp, :::20000-20999->20000-20999/tcp",
    );
    // For both families of addresses.
    expect((await tare.must(["port", "web"])).split("\n")).toHaveLength(2 * count);
    await tare.must(["update", "--publish-rm", "20100-20199", "--publish-add", "20150:20150", "web"]);
    expect(await tare.must(["ps", "--format", "{{.Ports}}"])).toBe(
      "0.0.0.0:20000-20099->20000-20099/tcp, :::20000-20099->20000-20099/tcp, 20100-20149/tcp, 0.0.0.0:20150->20150/tcp, :::20150->20150/tcp, 0.0.0.0:20200-20999->20200-20999/tcp, :::20200-20999->20200-20999/tcp, 20151-20199/tcp",
    );
    expect((await tare.tare(["run", "--rm", "-p", "20500:80", "busybox", "true"])).stderr).toContain(
      'port 0.0.0.0:20500/tcp: port is already allocated: container "web" has it',
    );
    await withRecord(web.Id, (text) => {
      expect(text).not.toContain("20001");
      expect(text).toContain("20000-20999/tcp");
      return text;
    });
    await tare.must(["rm", "-f", "web"]);
  });

  test("that Docker's clients send port by port is the same, and so is a record of before", async () => {
    const ports = Array.from({ length: count }, (_, at) => 20_000 + at);
    const exposed = Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}]));
    const bindings = Object.fromEntries(
      ports.map((port) => [`${port}/tcp`, [{ HostIp: "", HostPort: `${port + 1000}` }]]),
    );
    const body = {
      Image: "busybox",
      Cmd: ["sleep", "1000"],
      ExposedPorts: exposed,
      HostConfig: { PortBindings: bindings },
    };
    await ask("POST", "/v1.45/containers/create?name=theirs", body);
    await tare.must(["start", "theirs"]);
    const theirs = await inspect("theirs");
    expectThousand(theirs, 1000);
    await withRecord(theirs.Id, (text) => {
      expect(text).not.toContain("20001");
      const record = JSON.parse(text);
      record.spec.network.exposedPorts = Object.keys(exposed);
      record.spec.received.config.ExposedPorts = exposed;
      record.spec.received.hostConfig.PortBindings = bindings;
      return JSON.stringify(record);
    });
    expectThousand(await inspect("theirs"), 1000);
    await tare.must(["restart", "-t", "0", "theirs"]);
    expectThousand(await inspect("theirs"), 1000);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    await tare.must(["rm", "-f", "theirs"]);
  });

  test("that is exposed is published in a row by -P, and committed port by port", async () => {
    await tare.must(["run", "-d", "--name", "all", "--expose", "5000-5299/udp", "-P", ...sleeper]);
    const { NetworkSettings } = await inspect("all");
    const numbers = Object.values(NetworkSettings.Ports).map((bound) =>
      Number((bound as readonly { HostPort: string }[])[0]?.HostPort),
    );
    expect(numbers).toHaveLength(300);
    expect(numbers).toEqual(Array.from({ length: 300 }, (_, at) => (numbers[0] ?? 0) + at));
    await tare.must(["commit", "--change", "EXPOSE 80-81", "all", "exposing"]);
    const image = JSON.parse(
      await tare.must(["inspect", "exposing", "--format", "{{json .Config.ExposedPorts}}"]),
    );
    expect(Object.keys(image)).toHaveLength(302);
    expect(image).toMatchObject({ "5299/udp": {}, "80/tcp": {}, "81/tcp": {} });
    await tare.must(["rm", "-f", "all"]);
    await tare.must(["run", "-d", "--name", "linked", "--expose", "80-81", ...sleeper]);
    const env = await tare.must(["run", "--rm", "--link", "linked:db", "busybox", "env"]);
    expect(env).toContain("DB_PORT_81_TCP_PORT=81");
    await tare.must(["rm", "-f", "linked"]);
  });
});
