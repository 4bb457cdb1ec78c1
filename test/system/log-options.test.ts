import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("what is asked of a container's log", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("--log-driver and --log-opt are taken, shown, and refused where Docker refuses them", async () => {
    const options = ["--log-driver", "json-file", "--log-opt", "max-size=10m", "--log-opt", "max-file=3"];
    await tare.must(["run", "-d", "--name", "limited", ...options, "busybox", "echo", "hello"]);
    await tare.must(["wait", "limited"]);
    expect(await tare.must(["logs", "limited"])).toBe("hello");
    const shown = await tare.must(["inspect", "-f", "{{json .HostConfig.LogConfig}}", "limited"]);
    expect(JSON.parse(shown)).toEqual({ Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } });
    expect(await tare.refused(["run", "--rm", "--log-opt", "max-siz=1", "busybox", "true"])).toContain(
      "unknown log opt 'max-siz' for json-file log driver",
    );
    expect(await tare.refused(["run", "--rm", "--log-driver", "splunk", "busybox", "true"])).toContain(
      'error looking up logging plugin splunk: plugin "splunk" not found',
    );
    await tare.must(["rm", "limited"]);
  });

  test("with the driver none the output reaches who is attached, and nothing is kept", async () => {
    expect(
      await tare.must(["run", "--name", "silent", "--log-driver", "none", "busybox", "echo", "hello"]),
    ).toBe("hello");
    expect(await tare.refused(["logs", "silent"])).toContain(
      "configured logging driver does not support reading",
    );
    const { status, text } = await askApi(tare.socket, "GET", "/containers/silent/logs?stdout=1");
    expect([status, text]).toEqual([
      501,
      '{"message":"configured logging driver does not support reading"}\n',
    ]);
    expect(await tare.must(["inspect", "-f", "{{.LogPath}}", "silent"])).toBe("");
    await tare.must(["start", "-a", "silent"]);
    await tare.must(["rm", "silent"]);
  });
});
