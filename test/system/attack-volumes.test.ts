import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startRace } from "../support/attacker.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot, mountTable } from "../support/tare.ts";

const SECRET = "the host's own";

describe.skipIf(!isRoot)("attacks on volumes", () => {
  let tare: Installation;
  let canary: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    canary = mkdtempSync(join(tare.directory, "canary-"));
    writeFileSync(join(canary, "file"), SECRET);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const isUntouched = (): void => {
    expect(readdirSync(canary)).toEqual(["file"]);
    expect(readFileSync(join(canary, "file"), "utf8")).toBe(SECRET);
    expect(statSync(canary).mode & 0o777).toBe(0o700);
  };
  /** Starts a container that changes things in the volume "raced" without end; resolves when it is at work. */
  const race = async (script: string): Promise<string> => {
    const id = await tare.must(["run", "-d", "-v", "raced:/v", "busybox", "sh", "-c", script]);
    await tare.must(["exec", id, "sh", "-c", "until [ -e /ready ]; do sleep 0.01; done"]);
    return id;
  };
  const swap = `: > /ready; while :; do mv /v/d /v/e; ln -s / /v/d; rm /v/d; ln -s ../../../../../../../.. /v/d; rm /v/d; ln -s CANARY /v/d; rm /v/d; mv /v/e /v/d; done`;

  test.each([
    ["an absolute link", (path: string) => path],
    ["a link that goes up", (path: string) => `../../../../../../../../..${path}`],
    ["a link through /proc", (path: string) => `/proc/self/root${path}`],
  ])("an image's VOLUME that is %s is filled from inside the image only", async (_, link) => {
    const make = `ln -s ${link(canary)} /data; mkdir -p /a; ln -s ${link(canary)}/.. /a/b`;
    await tare.must(["run", "--name", "evil", "busybox", "sh", "-c", make]);
    const volumes = `VOLUME ["/data","/a/b/${canary.slice(canary.lastIndexOf("/") + 1)}","/x/../../../..${canary}"]`;
    await tare.must(["commit", "-c", volumes, "evil", "evil-image"]);
    await tare.must(["rm", "evil"]);
    const before = mountTable();
    const { stdout } = await tare.tare([
      "run",
      "--name",
      "victim",
      "evil-image",
      "sh",
      "-c",
      "cat /data/file /a/b/*/file; echo x > /data/planted",
    ]);
    expect(stdout).not.toContain(SECRET);
    const volume = join(tare.dataRoot, "volumes");
    for (const name of readdirSync(volume).filter((each) => !each.startsWith("."))) {
      expect(readdirSync(join(volume, name, "_data")).filter((each) => each !== "planted")).toEqual([]);
    }
    isUntouched();
    expect(mountTable()).toBe(before);
    await tare.must(["rm", "-v", "victim"]);
    await tare.must(["rmi", "evil-image"]);
  });

  test("a subpath that becomes a link to / and back leads nowhere out of the volume", async () => {
    // Inside, the canary's path exists, too, so that both ways of resolving it find something.
    const inside = `mkdir -p /v/d${canary} /v${canary}; echo inside > /v/d${canary}/file; cp /v/d${canary}/file /v${canary}/file`;
    const racer = await race(`${inside}; ${swap.replace("CANARY", canary)}`);
    let started = 0;
    const isRacing = startRace(() => started > 0);
    while (isRacing()) {
      const mount = `src=raced,dst=/m,volume-subpath=d${canary}`;
      const { status, stdout } = await tare.tare([
        "run",
        "--rm",
        "--mount",
        mount,
        "busybox",
        "sh",
        "-c",
        "cat /m/file; : > /m/planted",
      ]);
      expect(stdout).not.toContain(SECRET);
      if (status === 0) {
        expect(stdout).toBe("inside\n");
        started++;
      }
    }
    expect(started).toBeGreaterThan(0);
    isUntouched();
    await tare.must(["rm", "-f", racer]);
    await tare.must(["volume", "rm", "raced"]);
  });

  test("a place of a mount inside a volume that becomes a link to / and back is never outside of the container", async () => {
    const racer = await race(`mkdir -p /v/d/t; ${swap.replace("CANARY", canary)}`);
    const source = join(tare.directory, "source");
    mkdirSync(source);
    const before = mountTable();
    let started = 0;
    const isRacing = startRace(() => started > 0);
    while (isRacing()) {
      const { status } = await tare.tare([
        "run",
        "--rm",
        "-v",
        "raced:/v",
        "-v",
        `${source}:/v/d/t`,
        "busybox",
        "true",
      ]);
      if (status === 0) started++;
    }
    expect(started).toBeGreaterThan(0);
    expect(mountTable()).toBe(before);
    isUntouched();
    await tare.must(["rm", "-f", racer]);
    await tare.must(["volume", "rm", "raced"]);
  });

  test("cp to and from a stopped container stays in it whatever becomes of its volume", async () => {
    const inside = `mkdir -p /v/d${canary} /v${canary}; echo inside > /v/d${canary}/file; cp /v/d${canary}/file /v${canary}/file`;
    const racer = await race(`${inside}; ${swap.replace("CANARY", canary)}`);
    await tare.must(["create", "--name", "stopped", "-v", "raced:/v", "busybox"]);
    const own = join(tare.directory, "own");
    writeFileSync(own, "planted");
    let reads = 0;
    const isRacing = startRace(() => reads > 0);
    while (isRacing()) {
      const read = await tare.tare(["cp", `stopped:/v/d${canary}/file`, "-"]);
      expect(read.stdout).not.toContain(SECRET);
      if (read.status === 0) reads++;
      await tare.tare(["cp", "-q", own, `stopped:/v/d${canary}/planted`]);
    }
    expect(reads).toBeGreaterThan(0);
    isUntouched();
    await tare.must(["rm", "-f", racer, "stopped"]);
    await tare.must(["volume", "rm", "raced"]);
  });

  test("an image's content goes into the volume only, whatever a container puts there meanwhile", async () => {
    await tare.must([
      "run",
      "--name",
      "made",
      "busybox",
      "sh",
      "-c",
      "mkdir -p /data/sub; for n in 1 2 3 4 5 6 7 8; do echo $n > /data/sub/$n; echo $n > /data/$n; done",
    ]);
    await tare.must(["commit", "made", "filled"]);
    await tare.must(["rm", "made"]);
    const racer = await race(
      `: > /ready; while :; do ln -s ${canary} /v/sub; ln -s ${canary}/file /v/1; rm -rf /v/*; done`,
    );
    const isRacing = startRace();
    while (isRacing()) {
      const id = await tare.must(["create", "-v", "raced:/data", "filled"]);
      isUntouched();
      await tare.must(["rm", id]);
    }
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    await tare.must(["rm", "-f", racer]);
    await tare.must(["volume", "rm", "raced"]);
  });
});
