import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("links of the default bridge", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const ports = ["--expose", "81", "--expose", "80", "--expose", "53/udp"];
    await tare.must(["run", "-d", "--name", "db", "-e", "KEY=a=b", ...ports, "busybox", "sleep", "1000"]);
    const links = ["--link", "db:my-db", "--link", "db"];
    await tare.must(["run", "-d", "--name", "web", ...links, "busybox", "sleep", "1000"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const addressOf = (name: string): Promise<string> =>
    tare.must(["inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", name]);
  const linesOf = async (name: string): Promise<readonly string[]> =>
    (await tare.must(["exec", name, "cat", "/etc/hosts"])).split("\n");
  const namesOf = async (name: string): Promise<unknown> => {
    const { text } = await askApi(tare.socket, "GET", "/containers/json");
    const rows = JSON.parse(text) as readonly { readonly Names: readonly string[] }[];
    return rows.find(({ Names }) => Names[0] === `/${name}`)?.Names;
  };

  test("give variables to the container and to its execs", async () => {
    const address = await addressOf("db");
    const variables = (await tare.must(["exec", "web", "env"])).split("\n");
    expect(variables.filter((line) => line.startsWith("MY_DB_"))).toEqual([
      `MY_DB_PORT=tcp://${address}:80`,
      `MY_DB_PORT_80_TCP=tcp://${address}:80`,
      `MY_DB_PORT_80_TCP_ADDR=${address}`,
      "MY_DB_PORT_80_TCP_PORT=80",
      "MY_DB_PORT_80_TCP_PROTO=tcp",
      `MY_DB_PORT_81_TCP=tcp://${address}:81`,
      `MY_DB_PORT_81_TCP_ADDR=${address}`,
      "MY_DB_PORT_81_TCP_PORT=81",
      "MY_DB_PORT_81_TCP_PROTO=tcp",
      `MY_DB_PORT_53_UDP=udp://${address}:53`,
      `MY_DB_PORT_53_UDP_ADDR=${address}`,
      "MY_DB_PORT_53_UDP_PORT=53",
      "MY_DB_PORT_53_UDP_PROTO=udp",
      `MY_DB_PORT_80_TCP_START=tcp://${address}:80`,
      "MY_DB_PORT_80_TCP_PORT_START=80",
      `MY_DB_PORT_80_TCP_END=tcp://${address}:81`,
      "MY_DB_PORT_80_TCP_PORT_END=81",
      "MY_DB_NAME=/web/my-db",
      "MY_DB_ENV_KEY=a=b",
    ]);
    const own = await tare.must(["exec", "web", "cat", "/proc/1/environ"]);
    expect(own.split("\0")).toContain(`MY_DB_PORT_80_TCP_ADDR=${address}`);
  });

  test("are names of the container, in lists and in inspect, that a rename keeps", async () => {
    expect(await namesOf("db")).toEqual(["/db", "/web/my-db", "/web/db"]);
    const linksOfWeb = (): Promise<string> =>
      tare.must(["inspect", "--format", "{{json .HostConfig.Links}}", "web"]);
    expect(await linksOfWeb()).toBe('["/db:/web/my-db","/db:/web/db"]');
    expect(await tare.must(["inspect", "--format", "{{.Name}}", "web/my-db"])).toBe("/db");
    await tare.must(["rename", "db", "base"]);
    expect(await linksOfWeb()).toBe('["/base:/web/my-db","/base:/web/db"]');
    await tare.must(["rename", "base", "db"]);
  });

  test("follow the linked container to another address", async () => {
    const before = await addressOf("db");
    await tare.must(["stop", "-t", "0", "db"]);
    expect(await tare.must(["exec", "web", "env"])).not.toContain("MY_DB_");
    // Others have the address meanwhile.
    for (let number = 0; (await addressOf("db")) !== before && number < 10; number++)
      await tare.must(["run", "-d", "--name", `filler-${number}`, "busybox", "sleep", "1000"]);
    await tare.must(["start", "db"]);
    const after = await addressOf("db");
    expect(after).not.toBe(before);
    const id = await tare.must(["inspect", "--format", "{{slice .Id 0 12}}", "db"]);
    const lines = await linesOf("web");
    expect(lines).toContain(`${after}\tmy-db ${id} db`);
    expect(lines).toContain(`${after}\tdb ${id}`);
    expect(await tare.must(["exec", "web", "env"])).toContain(`MY_DB_PORT=tcp://${after}:80\n`);
  });

  test("name the linked container in all requests", async () => {
    const requests = [
      ["GET", "json", 200],
      ["GET", "top", 200],
      ["GET", "logs?stdout=1", 200],
      ["GET", "changes", 200],
      ["GET", "stats?stream=0&one-shot=1", 200],
      ["POST", "pause", 204],
      ["POST", "unpause", 204],
      ["POST", "start", 304],
      ["POST", "exec", 201],
      ["POST", "update", 200],
    ] as const;
    for (const name of ["web/my-db", "web%2Fmy-db"]) {
      for (const [method, path, status] of requests) {
        const body = method === "GET" ? undefined : { Cmd: ["true"] };
        const asked = await askApi(tare.socket, method, `/containers/${name}/${path}`, body);
        expect([name, path, asked.status]).toEqual([name, path, status]);
      }
    }
    expect((await askApi(tare.socket, "GET", "/containers/web/none/top")).text).toContain(
      "No such container: web/none",
    );
  });

  test("are removed without the container", async () => {
    const remove = (path: string): ReturnType<typeof askApi> => askApi(tare.socket, "DELETE", path);
    expect(await remove("/containers/db?link=1")).toMatchObject({ status: 409 });
    expect(await remove("/containers/web/nothing?link=1")).toMatchObject({ status: 404 });
    expect(await remove("/v1.45/containers/web/my-db?link=1")).toMatchObject({ status: 204 });
    expect(await namesOf("db")).toEqual(["/db", "/web/db"]);
    expect((await linesOf("web")).join("\n")).not.toContain("my-db");
    expect(await tare.must(["rm", "--link", "/web/db"])).toBe("/web/db");
    expect(await namesOf("db")).toEqual(["/db"]);
    expect(await tare.must(["inspect", "--format", "{{json .HostConfig.Links}}", "web"])).toBe("null");
  });

  test("to what is not there, does not run or has the host's network are refused", async () => {
    const create = async (link: string): Promise<string> => {
      const body = { Image: "busybox", Cmd: ["true"], HostConfig: { Links: [link] } };
      const { status, text } = await askApi(tare.socket, "POST", "/containers/create?name=refused", body);
      return `${status} ${text.trim()}`;
    };
    expect(await create("nothing:x")).toContain(
      '400 {"message":"could not get container for nothing: No such',
    );
    await tare.must(["create", "--name", "on-host", "--network", "host", "busybox"]);
    expect(await create("on-host:x")).toContain("host type networking can't be used with links");
    await tare.must(["create", "--name", "idle", "busybox"]);
    expect(await create("idle:x")).toStartWith("201 ");
    expect(await tare.refused(["start", "refused"])).toContain(
      "Cannot link to a non running container: /idle AS /refused/x",
    );
    // What is removed takes its links along.
    await tare.must(["rm", "idle"]);
    await tare.must(["start", "refused"]);
  });
});
