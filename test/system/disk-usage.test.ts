import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

interface Usage {
  readonly LayersSize: number;
  readonly Images: readonly {
    readonly Size: number;
    readonly SharedSize: number;
    readonly Containers: number;
  }[];
  readonly Containers: readonly {
    readonly Names: readonly string[];
    readonly SizeRw: number;
    readonly SizeRootFs: number;
  }[];
}

/** Its own engine for each driver: figures and pruning are the same, whatever the files are in. */
describe.skipIf(!isRoot).each(["overlay", "vfs"])("usage and pruning with %s", (driver) => {
  let tare: Installation;
  let imageBytes: number;

  const run = (...args: readonly string[]): Promise<string> =>
    tare.must(["--storage-driver", driver, ...args]);
  const usage = async (): Promise<Usage> => JSON.parse(await get("/v1.51/system/df")) as Usage;
  const get = async (path: string): Promise<string> => (await askApi(tare.socket, "GET", path)).text;
  const names = async (): Promise<string> => await run("ps", "-a", "--format", "{{.Names}}");

  beforeAll(async () => {
    tare = new Installation();
    await run("load", "-i", busyboxArchive());
    imageBytes = Number(await run("image", "inspect", "-f", "{{.Size}}", "busybox"));
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("info names the driver and why it is this one", async () => {
    const info = await tare.tare(["info"]);
    expect(info.stdout).toContain(`Storage Driver: ${driver}\n`);
    expect(info.stdout).toContain("Chosen: asked for\n");
    expect(info.stdout).toContain("Backing Filesystem: ");
    expect(info.stderr.includes("WARNING: the storage driver vfs copies")).toBe(driver === "vfs");
    expect(readFileSync(join(tare.dataRoot, "storage/driver"), "utf8")).toBe(`${driver}\n`);
    expect(existsSync(join(tare.dataRoot, "storage", driver === "vfs" ? "overlay" : "vfs"))).toBe(false);
  });

  test("sizes are the length of what was written: once for each file, whatever it replaces", async () => {
    const script =
      "echo -n 12345 > /five; ln /five /same; ln -s 123 /link; " +
      "dd if=/dev/zero of=/big bs=1000 count=200 2>/dev/null; echo -n x >> /etc/passwd; rm /bin/ls; touch /none; " +
      "mkdir -p /dir/deep; truncate -s 1000000 /hole";
    const passwd = Number(await run("run", "--rm", "busybox", "stat", "-c", "%s", "/etc/passwd"));
    await run("run", "--name", "writer", "busybox", "sh", "-c", script);
    await run("create", "--name", "idle", "busybox");
    const written = 5 + 3 + 200_000 + passwd + 1 + 1_000_000;
    const found = await usage();
    const writer = found.Containers.find(({ Names }) => Names[0] === "/writer");
    expect(writer).toMatchObject({ SizeRw: written, SizeRootFs: imageBytes + written });
    expect(found.Containers.find(({ Names }) => Names[0] === "/idle")).toMatchObject({
      SizeRw: 0,
      SizeRootFs: imageBytes,
    });
    expect(found.LayersSize).toBe(imageBytes);
    expect(await run("inspect", "-s", "-f", "{{.SizeRw}} {{.SizeRootFs}}", "writer")).toBe(
      `${written} ${imageBytes + written}`,
    );
    expect(await run("ps", "-a", "--filter", "name=writer", "--format", "{{.Size}}")).toStartWith(
      "1.2MB (virtual ",
    );
    const [, first] = JSON.parse(await get("/containers/json?all=1&size=1")) as Usage["Containers"];
    expect(first?.SizeRw).toBe(written);
    expect((JSON.parse(await get("/containers/json?all=1")) as object[])[0]).not.toHaveProperty("SizeRw");
  });

  test("volumes count by the length of what is in them, and go when they are nameless and nobody has them", async () => {
    const script = "echo -n 1234 > /named/four; ln /named/four /named/same; echo -n 12 > /nameless/two";
    await run(
      "run",
      "--name",
      "user",
      "-v",
      "named:/named",
      "-v",
      "/nameless",
      "busybox",
      "sh",
      "-c",
      script,
    );
    const rows = async (): Promise<string> => {
      const { Volumes } = JSON.parse(await get("/v1.51/system/df?type=volume")) as {
        Volumes: { Name: string; UsageData: object }[];
      };
      return Volumes.map(
        ({ Name, UsageData }) => `${Name.length === 64 ? "*" : Name} ${JSON.stringify(UsageData)}`,
      )
        .toSorted()
        .join(" ");
    };
    expect(await rows()).toBe('* {"Size":2,"RefCount":1} named {"Size":4,"RefCount":1}');
    expect(await run("volume", "prune", "-af")).toBe("Total reclaimed space: 0B");
    await run("rm", "user");
    expect(await run("volume", "prune", "-f")).toMatch(
      /^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: 2B$/,
    );
    expect(await rows()).toBe('named {"Size":4,"RefCount":0}');
    await run("volume", "rm", "named");
  });

  test("a commit of what was written is a layer of that size, which the images share below", async () => {
    await run("commit", "writer", "written:1");
    const { Images } = await usage();
    const [one, other] = Images.toSorted((a, b) => a.Size - b.Size);
    expect(one).toMatchObject({ Size: imageBytes, SharedSize: imageBytes, Containers: 2 });
    expect(other).toMatchObject({ SharedSize: imageBytes, Containers: 0 });
    const script = "cat /five /same; ls /bin/ls 2>&1; stat -c %s /hole /big; readlink /link; ls -d /dir/deep";
    const said = await tare.tare([
      "run",
      "--rm",
      "written:1",
      "sh",
      "-c",
      script.replace("ls /bin", "busybox ls /bin"),
    ]);
    expect(said.stdout).toContain("1234512345");
    expect(said.stdout).toContain("No such file");
    expect(said.stdout).toContain("1000000\n200000\n123\n");
    expect(await run("image", "prune", "-af")).toMatch(
      /^Deleted Images:\nuntagged: written:1\ndeleted: sha256:[0-9a-f]{64}\ndeleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: 1\.\d+MB$/,
    );
  });

  test("container prune leaves what runs, and what a filter spares", async () => {
    await run("run", "-d", "--name", "running", "busybox", "sleep", "1000");
    await run("create", "--name", "labeled", "--label", "keep=1", "busybox");
    expect(await run("container", "prune", "-f", "--filter", "until=24h")).toBe("Total reclaimed space: 0B");
    const pruned = await run("container", "prune", "-f", "--filter", "label!=keep");
    expect(pruned).toMatch(/^Deleted Containers:\n([0-9a-f]{64}\n){2}\nTotal reclaimed space: 1\.2\d*MB$/);
    expect(await names()).toBe("labeled\nrunning");
    await run("rm", "-f", "running");
  });

  test("image prune at the same time as create takes no image that is used", async () => {
    const names = Array.from({ length: 6 }, (_, index) => `racer-${index}`);
    const all = await Promise.all([
      ...names.map(async (name) => await tare.tare(["create", "--name", name, "busybox"])),
      ...names.map(async () => await tare.tare(["image", "prune", "-af"])),
    ]);
    expect(all.map(({ status, stderr }) => [status, stderr])).toEqual(all.map(() => [0, ""]));
    expect(await run("images", "-q")).not.toBe("");
    expect(await run("start", "-a", "racer-0")).toBe("");
  });

  test("system prune -a leaves nothing, and nothing is out of order", async () => {
    const asked = await tare.tare(["system", "prune"], { input: "n\n" });
    expect(asked.stdout).toEndWith("Are you sure you want to continue? [y/N] ");
    expect(await run("system", "prune", "-af")).toMatch(
      /Deleted Containers:[\s\S]*Deleted Images:[\s\S]*Total/,
    );
    expect(await names()).toBe("");
    expect(await run("images", "-q")).toBe("");
    await run("system", "settle");
    expect(await run("system", "check")).toContain("in order");
    expect((await usage()).LayersSize).toBe(0);
    const { stdout } = await tare.tare([
      "events",
      "--since",
      "0",
      "--until",
      "0s",
      "--filter",
      "event=prune",
      "--format",
      "{{.Type}}",
    ]);
    expect(new Set(stdout.trim().split("\n"))).toEqual(new Set(["container", "image", "network", "volume"]));
  });
});
