import { expect, test } from "bun:test";
import { startDaemon } from "./daemon-under-test.ts";
import { bodyOf, rawRequest, requestText } from "./raw-request.ts";

test("replies of old versions have the fields that were there then", async () => {
  await using daemon = await startDaemon();
  const get = async (path: string): Promise<unknown> => {
    const reply = await rawRequest(daemon.socketPath, requestText(`GET ${path}`));
    return JSON.parse(
      bodyOf(reply)
        .replace(/^[0-9a-f]+\r\n/, "")
        .split("\n", 1)[0] ?? "",
    );
  };
  const old = { VirtualSize: 4_000_000 };
  expect(await get("/v1.24/images/json")).toMatchObject([old]);
  expect(await get("/v1.43/images/busybox/json")).toMatchObject(old);
  for (const path of ["/v1.45/images/json", "/images/json"]) {
    expect(Object.keys(((await get(path)) as object[])[0] ?? {})).not.toContain("VirtualSize");
  }
  expect(await get("/v1.45/info")).toMatchObject({
    RuncCommit: { ID: "", Expected: "" },
    BridgeNfIptables: false,
  });
  expect(((await get("/v1.49/info")) as { RuncCommit: object }).RuncCommit).toEqual({ ID: "" });
});

test("since and before were parameters of their own once", async () => {
  await using daemon = await startDaemon();
  const reply = await rawRequest(
    daemon.socketPath,
    requestText("GET /v1.24/containers/json?all=1&since=x&before=y"),
  );
  expect(bodyOf(reply)).toContain("[]");
});

test("a terminal's log has the raw type, and a framed one its own only from 1.42 on", async () => {
  await using daemon = await startDaemon();
  for (const [name, Tty] of [
    ["framed", false],
    ["raw", true],
  ] as const) {
    await daemon.client.containers.create({ Image: "busybox", Cmd: ["echo", "x"], Tty }, { name });
    await daemon.client.containers.start(name);
  }
  const typeOf = async (version: string, name: string): Promise<string | undefined> => {
    const line = `GET /v${version}/containers/${name}/logs?stdout=1`;
    return /content-type: (\S+)/i.exec(await rawRequest(daemon.socketPath, requestText(line)))?.[1];
  };
  expect(await typeOf("1.45", "framed")).toBe("application/vnd.docker.multiplexed-stream");
  expect(await typeOf("1.41", "framed")).toBe("application/vnd.docker.raw-stream");
  expect(await typeOf("1.45", "raw")).toBe("application/vnd.docker.raw-stream");
});
