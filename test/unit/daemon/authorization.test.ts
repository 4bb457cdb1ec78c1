import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../../src/base/deadline.ts";
import { findPlugin, formatPluginAddress } from "../../../src/daemon/authorization/find-plugin.ts";
import { usualConfiguration } from "../../../src/daemon/configuration.ts";
import { askApi } from "../../support/ask-api.ts";
import { TestPlugin } from "../../support/authorization-plugin.ts";
import { startDaemon } from "./daemon-under-test.ts";

/** Removed with the test. */
function makeFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "tare-plugins-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

function withPlugins(pluginRoot: string, ...names: readonly string[]): Parameters<typeof startDaemon>[0] {
  const configuration = { ...usualConfiguration, authorizationPlugins: names };
  return { configuration: () => configuration, pluginRoot, pluginAnswerWithinMs: 200 };
}

test("a slow plug-in denies, at the request and at the answer", async () => {
  using folder = makeFolder();
  await using plugin = await new TestPlugin(join(folder.path, "plugins/slow.sock")).start();
  await using daemon = await startDaemon(withPlugins(folder.path, "slow"));
  for (const kind of ["AuthZPlugin.AuthZReq", "AuthZPlugin.AuthZRes"]) {
    plugin.rule = (asked) => (asked.kind === kind ? () => {} : undefined);
    expect(await askApi(daemon.socketPath, "GET", "/_ping")).toEqual({
      status: 500,
      text: `{"message":"plugin slow failed with error: ${kind}: no answer within 0.2 s"}\n`,
    });
  }
});

test("all plug-ins are asked in their order; the first that denies ends it", async () => {
  using folder = makeFolder();
  await using first = await new TestPlugin(join(folder.path, "plugins/first.sock")).start();
  await using second = await new TestPlugin(join(folder.path, "plugins/second.sock")).start();
  await using daemon = await startDaemon(withPlugins(folder.path, "first", "second"));
  expect((await askApi(daemon.socketPath, "GET", "/_ping")).status).toBe(200);
  expect([first.takeSeen(), second.takeSeen()]).toEqual([
    ["Req GET /_ping", "Res GET /_ping"],
    ["Req GET /_ping", "Res GET /_ping"],
  ]);
  first.rule = () => ({ Allow: false, Msg: "no" });
  expect(await askApi(daemon.socketPath, "GET", "/_ping")).toEqual({
    status: 403,
    text: '{"message":"authorization denied by plugin first: no"}\n',
  });
  expect(second.takeSeen()).toEqual([]);
});

test("more requests than a plug-in gets at a time wait for their turn", async () => {
  using folder = makeFolder();
  await using plugin = await new TestPlugin(join(folder.path, "plugins/one.sock")).start();
  await using daemon = await startDaemon({
    ...withPlugins(folder.path, "one"),
    pluginAnswerWithinMs: 30_000,
  });
  let open = 0;
  let most = 0;
  plugin.rule = () => (reply) => {
    most = Math.max(most, ++open);
    setTimeout(() => {
      open--;
      reply.end('{"Allow":true}');
    }, 5);
  };
  const asked = Array.from({ length: 150 }, () => askApi(daemon.socketPath, "GET", "/_ping"));
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(asked.map(() => 200));
  expect(most).toBeLessThanOrEqual(64);
  expect(open).toBe(0);
});

test("a shutdown that is denied at its answer does not happen, one that is allowed does", async () => {
  using folder = makeFolder();
  await using plugin = await new TestPlugin(join(folder.path, "plugins/one.sock")).start();
  await using daemon = await startDaemon({
    ...withPlugins(folder.path, "one"),
    pluginAnswerWithinMs: 30_000,
  });
  plugin.rule = ({ kind, uri }) =>
    kind.endsWith("Res") && uri === "/tare/shutdown" ? { Allow: false } : undefined;
  expect((await askApi(daemon.socketPath, "POST", "/tare/shutdown")).status).toBe(403);
  plugin.rule = () => undefined;
  expect((await askApi(daemon.socketPath, "GET", "/_ping")).status).toBe(200);
  expect((await askApi(daemon.socketPath, "POST", "/tare/shutdown")).status).toBe(204);
  await daemon.serving.closed;
});

test("a plug-in that is starting is waited for", async () => {
  using folder = makeFolder();
  await using plugin = new TestPlugin(join(folder.path, "plugins/late.sock"));
  await using daemon = await startDaemon({
    ...withPlugins(folder.path, "late"),
    pluginAnswerWithinMs: 30_000,
  });
  const asking = askApi(daemon.socketPath, "GET", "/_ping");
  await sleep(100);
  await plugin.start();
  expect((await asking).status).toBe(200);
  await plugin.stop();
  const again = askApi(daemon.socketPath, "GET", "/_ping");
  await sleep(100);
  await plugin.start();
  expect((await again).status).toBe(200);
});

test("findPlugin() reads the addresses of .spec and .json files", () => {
  using folder = makeFolder();
  const find = (name: string): string => formatPluginAddress(findPlugin(name, folder.path, [folder.path]));
  const write = (name: string, text: string): void => writeFileSync(join(folder.path, name), text);
  write("a.spec", "unix:///some/a.sock\n");
  write("b.json", '{"Name": "b", "Addr": "unix:///some/b.sock"}');
  mkdirSync(join(folder.path, "c"));
  write("c/c.spec", "unix:///some/c.sock");
  expect(["a", "b", "c"].map(find)).toEqual([
    "unix:///some/a.sock",
    "unix:///some/b.sock",
    "unix:///some/c.sock",
  ]);
  write("t.spec", "tcp://127.0.0.1:9");
  write("s.spec", "https://[::1]:9/");
  expect(["t", "s"].map(find)).toEqual(["tcp://127.0.0.1:9", "https://[::1]:9"]);
  for (const wrong of ["", "unix://a", "ftp://a:1", "tcp://a", "tcp://a:0", "tcp://a:65536", "tcp://a:1/b"]) {
    write("d.spec", wrong);
    expect(() => find("d")).toThrow(`cannot use the address in ${folder.path}/d.spec: want unix:///path`);
  }
  write("e.json", "{");
  expect(() => find("e")).toThrow("it is no JSON");
  write("f.json", '{"Addr": 7}');
  expect(() => find("f")).toThrow('it has no string "Addr"');
  write("g.spec", "unix:///g".padEnd(70_000, " "));
  expect(() => find("g")).toThrow("longer than 65536 bytes");
  mkdirSync(join(folder.path, "h.spec"));
  expect(() => find("h")).toThrow("it is no regular file");
  expect(() => find("none")).toThrow('plugin "none" not found');
});
