import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { FreshMachine, packagesOfReadme } from "../support/fresh-machine.ts";
import { busyboxRootfsTar } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { placeImage } from "../support/registry-images.ts";
import { isRoot, repository } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const needed = [...packagesOfReadme(), "dpkg"];
const isDebian = needed.every(
  (name) =>
    existsSync(`/var/lib/dpkg/info/${name}.list`) || existsSync(`/var/lib/dpkg/info/${name}:amd64.list`),
);
/** Its roots are the machine's: an engine that uses them must not meet another. */
const isFree = !existsSync("/run/tare/tare.sock");

/** What a server at a port of this host says. */
async function read(port: number): Promise<string> {
  return await poll(
    async () =>
      await new Promise<string | undefined>((resolve) => {
        const socket = connect(port, "127.0.0.1");
        let text = "";
        socket.on("data", (bytes) => (text += String(bytes)));
        socket.on("error", () => resolve(undefined));
        socket.on("close", () => resolve(text === "" ? undefined : text.trim()));
      }),
    { timeoutMs: 30_000, what: "read from a published port" },
  );
}

describe.skipIf(!isRoot || !isDebian || !isFree)("a machine with README.md's packages alone", () => {
  let machine: FreshMachine;
  let registry: TestRegistry;
  beforeAll(async () => {
    machine = await FreshMachine.make();
    registry = await TestRegistry.start();
  }, 300_000);
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  }, 300_000);

  test("lacks programs that this one has", async () => {
    for (const program of ["nft", "ip", "iptables", "docker", "git", "python3", "mkfs.erofs"])
      expect((await machine.run(`command -v ${program}`)).stdout).toBe("");
    expect(await machine.must("command -v gcc make node npm npx")).not.toBe("");
  });

  test("builds Tare and runs README.md's first command", async () => {
    const command = /^ {4}npm ci && (npx tare run .*)$/m.exec(
      readFileSync(join(repository, "README.md"), "utf8"),
    )?.[1] as string;
    // What `npm ci` does after it has fetched the packages, which are here.
    await machine.must("make --silent");
    const said = await machine.must(command);
    expect(said).toContain("seccomp             filter mode");
    expect(said).toMatch(/^started in [\d.]+ ms/m);
  }, 600_000);

  test("pulls, saves and loads an image", async () => {
    const layer = readFileSync(busyboxRootfsTar());
    const bytes = layer[0] === 0x1f ? gunzipSync(layer) : layer;
    const { name } = placeImage(registry, { repository: "fresh/busybox", layers: [bytes] });
    await machine.must(`dist/tare pull -q ${name} && dist/tare tag ${name} busybox`);
    await machine.must(`dist/tare save -o ../saved.tar busybox && dist/tare rmi busybox ${name}`);
    await machine.must("dist/tare load -qi ../saved.tar");
    expect(await machine.must("dist/tare run --rm busybox echo loaded")).toBe("loaded");
  });

  test("publishes a port", async () => {
    await machine.must(
      "dist/tare run -d --name web -p 18080:80 busybox sh -c 'while true; do echo served | nc -l -p 80; done'",
    );
    expect(await read(18_080)).toBe("served");
  });

  test("resolves names in a network of the user's", async () => {
    await machine.must("dist/tare network create front");
    await machine.must("dist/tare run -d --name db --network front busybox sleep 600");
    const said = await machine.must("dist/tare run --rm --network front busybox nslookup db 127.0.0.11");
    expect(said).toContain("Name:\tdb");
  });

  test("finds everything in order, and misses nothing", async () => {
    await machine.must("dist/tare rm -f web db && dist/tare network rm front && dist/tare system settle");
    expect(await machine.must("dist/tare system check")).toBe("Everything is in order.");
    expect(await machine.must("cat /run/tare/daemon.log")).not.toMatch(/missing|not found|ENOENT/);
  });
});
