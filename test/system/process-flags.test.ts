import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("flags of the process", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("--umask is the mask of the command and of what is executed later", async () => {
    expect(await tare.must(["run", "--rm", "busybox", "sh", "-c", "umask"])).toBe("0022");
    await tare.must(["run", "-d", "--name", "masked", "--umask", "027", "busybox", "sleep", "1000"]);
    expect(await tare.must(["exec", "masked", "sh", "-c", "umask; grep Umask /proc/1/status"])).toBe(
      "0027\nUmask:\t0027",
    );
    expect(await tare.must(["inspect", "--format", "{{.HostConfig.Tare.Umask}}", "masked"])).toBe("027");
    await tare.must(["rm", "-f", "masked"]);
    const { status, stderr } = await tare.tare(["run", "--rm", "--umask", "9", "busybox", "true"]);
    expect(status).toBe(125);
    expect(stderr).toContain('invalid umask "9": must be octal, 0000 to 0777');
  });
});
