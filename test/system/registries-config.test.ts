import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { busyboxArchive, tarOf } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

describe.skipIf(!isRoot)("registries that are configured", () => {
  let tare: Installation;
  let one: TestRegistry;
  let other: TestRegistry;
  let config: string;

  beforeAll(async () => {
    tare = new Installation();
    config = join(tare.directory, "registries.conf");
    [one, other] = [await TestRegistry.start(), await TestRegistry.start()];
    // The first command starts the daemon, which reads the file anew for each pull.
    configure("");
    await tare.must(["load", "-i", busyboxArchive()], { env: { TARE_REGISTRIES_CONF: config } });
    for (const name of [`${one.host}/acme/app:1`, `${other.host}/team/tool:2`]) {
      await tare.must(["tag", "busybox", name]);
      await tare.must(["push", "-q", name]);
      await tare.must(["rmi", name]);
    }
  });
  afterAll(async () => {
    await one[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const configure = (text: string): void => writeFileSync(config, text);
  const names = async (): Promise<string[]> =>
    (await tare.must(["images", "--format", "{{.Repository}}:{{.Tag}}"])).split("\n").sort();

  test("an alias and the registries to search say what a name without a registry is", async () => {
    configure(
      `unqualified-search-registries = ["${one.host}", "${other.host}"]\n[aliases]\napp = "${one.host}/acme/app"\n`,
    );
    const output = await tare.must(["pull", "app:1"]);
    expect(output).toContain(`Resolving app:1 as ${one.host}/acme/app:1`);
    await tare.must(["pull", "-q", "team/tool:2"]);
    expect(await names()).toEqual(
      [
        "busybox:latest",
        "app:1",
        `${one.host}/acme/app:1`,
        "team/tool:2",
        `${other.host}/team/tool:2`,
      ].sort(),
    );
    expect(await tare.must(["run", "--rm", "team/tool:2", "echo", "found"])).toBe("found");
    const missing = await tare.tare(["pull", "team/none"]);
    expect([missing.status, missing.stderr]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          `^tare: manifest for .*${one.host}/team/none:latest not found: .*; manifest for ${other.host}/team/none`,
        ),
      ),
    ]);
    for (const name of ["app:1", "team/tool:2"]) await tare.must(["rmi", name]);
  });

  test("a registry that fails does not choose the next one, and another one's password is not sent on", async () => {
    configure(`unqualified-search-registries = ["${one.host}", "${other.host}"]\n`);
    one.fault = () => ({ kind: "status", status: 418 });
    const failed = await tare.tare(["pull", "team/tool:2"]);
    one.fault = undefined;
    expect([failed.status, await names()]).toEqual([
      1,
      ["busybox:latest", `${one.host}/acme/app:1`, `${other.host}/team/tool:2`].sort(),
    ]);
    writeFileSync(
      join(tare.directory, "config.json"),
      JSON.stringify({
        auths: { "https://index.docker.io/v1/": { auth: Buffer.from("me:secret").toString("base64") } },
      }),
    );
    other.seen.length = 0;
    await tare.must(["pull", "-q", "team/tool:2"], { env: { DOCKER_CONFIG: tare.directory } });
    expect(other.seen.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    await tare.must(["rmi", "team/tool:2"]);
  });

  test("a mirror is asked first, the registry where it lacks something; a blocked one never", async () => {
    configure(
      `[[registry]]\nprefix = "registry.invalid/acme"\nlocation = "${other.host}/acme"\n[[registry.mirror]]\nlocation = "${one.host}/acme"\n` +
        `[[registry]]\nprefix = "registry.invalid/team"\nlocation = "${other.host}/team"\n[[registry.mirror]]\nlocation = "${one.host}/cache"\n` +
        `[[registry]]\nprefix = "evil.invalid"\nblocked = true\n`,
    );
    one.seen.length = 0;
    await tare.must(["pull", "-q", "registry.invalid/acme/app:1"]);
    expect(one.seen.some(({ url }) => url.startsWith("/v2/acme/app/manifests/1"))).toBe(true);
    await tare.must(["pull", "-q", "registry.invalid/team/tool:2"]);
    expect(one.seen.some(({ url }) => url.startsWith("/v2/cache/tool/manifests/2"))).toBe(true);
    for (const verb of ["pull", "push"]) {
      if (verb === "push") await tare.must(["tag", "busybox", "evil.invalid/x:1"]);
      const blocked = await tare.tare([verb, "evil.invalid/x:1"]);
      expect([verb, blocked.status, blocked.stderr]).toEqual([
        verb,
        1,
        expect.stringContaining('"evil.invalid" is blocked by the registries\' configuration'),
      ]);
    }
    expect((await tare.tare(["search", "evil.invalid/x"])).stderr).toContain(
      'cannot search evil.invalid: "evil.invalid" is blocked',
    );
  });

  test("a mistake in the file is one sentence that names it", async () => {
    configure("[[registry]]\nprefix = 5\n");
    const { status, stderr } = await tare.tare(["pull", "x"]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(`cannot read ${config}: prefix of registry 1`),
    ]);
    configure("");
  });

  test("search asks a registry's search, else goes through its catalog", async () => {
    expect(await tare.must(["search", "--format", "{{.Name}}", `${one.host}/app`])).toBe(
      `${one.host}/acme/app`,
    );
    other.searchable = [
      { name: "team/tool", description: "does \u001b[31m things", star_count: 7, is_official: true },
      { name: "team/toolbox", star_count: 9 },
    ];
    const found = await tare.must(["search", `${other.host}/tool`]);
    const rows = found.split("\n").map((line) => line.replace(/ {2,}/g, "|").trim());
    expect(rows).toEqual([
      "NAME|DESCRIPTION|STARS|OFFICIAL",
      `${other.host}/team/toolbox|9|`,
      `${other.host}/team/tool|does|[31m things|7|[OK]`,
    ]);
    const official = [
      "search",
      "--format",
      "{{.Name}}",
      "--filter",
      "is-official=true",
      `${other.host}/tool`,
    ];
    expect(await tare.must(official)).toBe(`${other.host}/team/tool`);
    for (const [args, sentence] of [
      [["--filter", "colour=red", "x"], "invalid filter 'colour'"],
      [["--filter", "stars=many", "x"], "invalid filter 'stars=many'"],
      [["--limit", "500", "x"], "limit 500 is outside the range of [1, 100]"],
      [["https://x"], "should not have a scheme"],
    ] as const) {
      const { status, stderr } = await tare.tare(["search", ...args]);
      expect([args, status, stderr]).toEqual([args, 1, expect.stringContaining(sentence)]);
    }
    const reply = await fetch(`http://tare/images/search?term=${encodeURIComponent(`${one.host}/app`)}`, {
      unix: tare.socket,
    });
    expect(await reply.json()).toEqual([
      {
        name: `${one.host}/acme/app`,
        description: "",
        star_count: 0,
        is_official: false,
        is_automated: false,
      },
    ]);
  });

  test("import fetches a URL, follows it, and says what it answered", async () => {
    const server: Server = createServer((request, response) => {
      if (request.url === "/moved") response.writeHead(302, { Location: "/rootfs.tar.gz" }).end();
      else if (request.url === "/rootfs.tar.gz") response.end(gzipSync(tarOf([["from", "afar"]])));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect(await tare.must(["import", `${origin}/moved`, "afar:1"])).toMatch(/^sha256:[0-9a-f]{64}$/);
      const missing = await tare.tare(["import", `${origin}/none`]);
      expect([missing.status, missing.stderr]).toEqual([
        1,
        `tare: cannot import from "${origin}/none": it answered 404\n`,
      ]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
