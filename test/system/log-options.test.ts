import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("what is asked of a container's log and health", () => {
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
    expect(await tare.refused(["run", "--rm", "--log-driver", "syslog", "busybox", "true"])).toContain(
      "log drivers (HostConfig.LogConfig)",
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

  test("a health check of the image or the request is named in a warning, unless it is turned off", async () => {
    const archive = join(tare.directory, "checked.tar");
    const config = { Cmd: ["true"], Healthcheck: { Test: ["CMD", "true"] } };
    const layers = [tarOf([["bin/", ""]])];
    writeFileSync(archive, tarOf(dockerArchiveMembers([{ layers, config, names: ["checked:latest"] }])));
    await tare.must(["load", "-i", archive]);
    const warning = "the HEALTHCHECK of the image is not run: health checks are not supported yet";
    const made = await tare.tare(["create", "checked"]);
    expect([made.status, made.stderr]).toEqual([0, `WARNING: ${warning}\n`]);
    const silent = await tare.tare(["create", "--no-healthcheck", "checked"]);
    expect([silent.status, silent.stderr]).toEqual([0, ""]);
    const create = async (Healthcheck: object): Promise<unknown> => {
      const { status, text } = await askApi(tare.socket, "POST", "/containers/create", {
        Image: "busybox",
        Healthcheck,
      });
      expect(status).toBe(201);
      return (JSON.parse(text) as { readonly Warnings: unknown }).Warnings;
    };
    expect(await create({ Test: ["NONE"] })).toEqual([]);
    expect(await create({ Test: ["CMD-SHELL", "exit 0"], Interval: 1e9, Retries: 2 })).toEqual([
      "the health check of the container is not run: health checks are not supported yet",
    ]);
    // A fast-path run goes to the daemon by its words, and warns, too.
    await tare.must(["run", "--name", "own", "busybox", "true"]);
    const loud = await tare.tare(["run", "--rm", "checked", "/nope"]);
    expect(loud.stderr).toContain(warning);
  });
});
