import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { askApi } from "../support/ask-api.ts";
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
      [
        ["--filter", "stars=many", "x"],
        `invalid filter 'stars=many': strconv.Atoi: parsing "many": invalid syntax`,
      ],
      [["--filter", "is-official=no", "x"], "invalid filter 'is-official=[no]'"],
      [
        ["--filter", "is-official=true", "--filter", "is-official=false", "x"],
        "invalid filter 'is-official=[true false]'",
      ],
      [["--limit", "-1", "x"], "limit -1 is outside the range of [1, 100]"],
      [["--limit", "500", "x"], "limit 500 is outside the range of [1, 100]"],
      [["https://x"], "should not have a scheme"],
    ] as const) {
      const { status, stderr } = await tare.tare(["search", ...args]);
      expect([args, status, stderr]).toEqual([args, 1, expect.stringContaining(sentence)]);
    }
    const term = encodeURIComponent(`${one.host}/app`);
    const reply = await askApi(tare.socket, "GET", `/images/search?term=${term}`);
    expect(JSON.parse(reply.text)).toEqual([
      {
        name: `${one.host}/acme/app`,
        description: "",
        star_count: 0,
        is_official: false,
        is_automated: false,
      },
    ]);
  });

  test("search filters, is asked as dockerd asks, and reports wrong replies", async () => {
    other.searchable = [
      { name: "team/tool", star_count: 7, is_official: true, is_automated: true },
      { name: "team/toolbox", star_count: 9 },
    ];
    const names = async (filters: object): Promise<readonly string[]> => {
      const query = new URLSearchParams({ term: `${other.host}/tool`, filters: JSON.stringify(filters) });
      const { status, text } = await askApi(tare.socket, "GET", `/images/search?${query.toString()}`);
      expect([filters, status, text]).toEqual([filters, 200, expect.any(String)]);
      return (JSON.parse(text) as { readonly name: string }[]).map(
        ({ name }) => name.split("/").at(-1) ?? "",
      );
    };
    expect(await names({ stars: ["8"] })).toEqual(["toolbox"]);
    expect(await names({ stars: ["-1", "5"] })).toEqual(["tool", "toolbox"]);
    expect(await names({ "is-official": ["0"] })).toEqual(["toolbox"]);
    // Registries no longer tell it: dockerd finds none.
    expect(await names({ "is-automated": ["true"] })).toEqual([]);
    expect(await names({ "is-automated": ["false"], stars: [] })).toEqual(["tool", "toolbox"]);
    const ask = async (query: string, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
      const reply = await fetch(`http://tare/images/search?${query}`, { unix: tare.socket, headers });
      return `${reply.status} ${await reply.text()}`;
    };
    const term = `term=${encodeURIComponent(`${other.host}/a/b c`)}`;
    other.seen.length = 0;
    expect(await ask(`${term}&limit=3`, { "X-Registry-Auth": "!" })).toStartWith("200 [");
    expect(other.seen.map(({ url }) => url)).toContain("/v1/search?q=a%2Fb+c&n=3");
    for (const [limit, why] of [
      ["x", "invalid syntax"],
      ["1.5", "invalid syntax"],
      ["9".repeat(20), "value out of range"],
    ] as const) {
      const message = `invalid limit specified: strconv.Atoi: parsing "${limit}": ${why}`;
      expect(await ask(`${term}&limit=${limit}`)).toBe(`400 ${JSON.stringify({ message })}\n`);
    }
    try {
      for (const [body, status, sentence] of [
        ["{nope", 500, "error decoding registry search results: "],
        ['{"results":5}', 500, "error decoding registry search results: "],
        [`{"results":[{"name":"${"x".repeat(5 << 20)}"}]}`, 500, "longer than 4194304 bytes"],
      ] as const) {
        other.fault = ({ url }) =>
          url.startsWith("/v1/search")
            ? { kind: "status", status: 200, body }
            : { kind: "status", status: 404 };
        expect([body.slice(0, 20), await ask(term)]).toEqual([
          body.slice(0, 20),
          expect.stringMatching(new RegExp(`^${status} .*${sentence}`)),
        ]);
      }
    } finally {
      other.fault = undefined;
      other.searchable = [];
    }
  });

  test("search sends the credentials of the registry", async () => {
    const auth = { kind: "basic", username: "me", password: "secret" } as const;
    await using closed = await TestRegistry.start({ auth });
    closed.searchable = [{ name: "team/tool" }];
    const anonymous = await tare.tare(["search", `${closed.host}/tool`]);
    expect([anonymous.status, anonymous.stderr]).toEqual([1, expect.stringContaining("cannot search")]);
    writeFileSync(
      join(tare.directory, "config.json"),
      JSON.stringify({ auths: { [closed.host]: { auth: Buffer.from("me:secret").toString("base64") } } }),
    );
    const env = { DOCKER_CONFIG: tare.directory };
    const found = await tare.must(["search", "--format", "{{.Name}}", `${closed.host}/tool`], { env });
    expect(found).toBe(`${closed.host}/team/tool`);
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
