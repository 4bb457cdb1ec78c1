import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { busyboxRootfsTar, tarOf } from "../support/images.ts";
import { executable, Installation, isRoot, waitUntilEmpty } from "../support/tare.ts";

let host: Installation;
let work: string;
let server: Server;
let origin: string;
let answer: RequestListener;
const asked: { readonly url: string; readonly headers: Readonly<Record<string, unknown>> }[] = [];

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-build-sources-"));
  server = createServer((request, response) => {
    asked.push({ url: request.url ?? "", headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
});

beforeEach(() => {
  asked.length = 0;
  answer = (_, response) => void response.end("content");
});

afterAll(async () => {
  if (!isRoot) return;
  server.closeAllConnections();
  server.close();
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

async function build(dockerfile: string, ...words: readonly string[]): Promise<string> {
  return await host.must(["build", "-q", "-t", "sources:1", ...words, "-"], { input: dockerfile });
}

async function refused(dockerfile: string, ...words: readonly string[]): Promise<string> {
  const { status, stderr } = await host.tare(["build", ...words, "-"], { input: dockerfile });
  expect(status).not.toBe(0);
  return stderr;
}

async function run(...command: readonly string[]): Promise<string> {
  return await host.must(["run", "--rm", "--network", "none", "sources:1", ...command]);
}

function sourceDirectories(): readonly string[] {
  const directory = join(host.dataRoot, "build/sources");
  return existsSync(directory) ? readdirSync(directory) : [];
}

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

describe.skipIf(!isRoot)("ADD of a URL", () => {
  test("writes the file with its name, mode 0600 and the time of the server", async () => {
    answer = (_, response) => {
      response.setHeader("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT");
      response.end("content");
    };
    await build(
      `FROM base:1\nADD ${origin}/dir/a%20b.txt?x=1 /in/\nADD ${origin}/dir/other /in/renamed\nADD --chmod=755 --chown=1:2 ${origin}/c /in/c\n`,
    );
    expect(
      (await run("stat", "-c", "%n %a %u:%g %Y", "/in/a b.txt", "/in/renamed", "/in/c")).split("\n"),
    ).toEqual([
      "/in/a b.txt 600 0:0 1445412480",
      "/in/renamed 600 0:0 1445412480",
      "/in/c 755 1:2 1445412480",
    ]);
    expect(await run("cat", "/in/renamed")).toBe("content");
  });

  test("has the time of 1970 where the server gives none, and the name that the server gives to a path without", async () => {
    answer = (_, response) => {
      response.setHeader("Content-Disposition", 'attachment; filename="../../etc/given.txt"');
      response.end("content");
    };
    await build(`FROM base:1\nADD ${origin}/ /in/\nADD ${origin}/own /in/\n`);
    expect((await run("stat", "-c", "%n %Y", "/in/given.txt", "/in/own")).split("\n")).toEqual([
      "/in/given.txt 0",
      "/in/own 0",
    ]);
  });

  test("an archive stays one, unless it is to be unpacked", async () => {
    const archive = gzipSync(tarOf([["d/f", "unpacked"]]));
    answer = (_, response) => void response.end(archive);
    await build(
      `FROM base:1\nADD ${origin}/x.tar.gz /kept/\nADD --unpack=true ${origin}/x.tar.gz /unpacked/\n`,
    );
    expect(await run("sh", "-c", "ls /kept; cat /unpacked/d/f")).toBe("x.tar.gz\nunpacked");
  });

  test("is asked for again, but only a new content makes a new layer", async () => {
    const dockerfile = `FROM base:1\nADD ${origin}/tagged /in/\n`;
    let tag = '"one"';
    answer = (request, response) => {
      response.setHeader("ETag", tag);
      if (request.headers["if-none-match"] === tag.replace(/^W\//, "")) response.writeHead(304).end();
      else response.end(`content of ${tag}`);
    };
    const first = await build(dockerfile);
    expect(await build(dockerfile)).toBe(first);
    expect(asked.map(({ headers }) => headers["if-none-match"])).toEqual([undefined, '"one"']);
    tag = 'W/"two"';
    const second = await build(dockerfile);
    expect(second).not.toBe(first);
    expect(await run("cat", "/in/tagged")).toBe('content of W/"two"');
    expect(await build(dockerfile)).toBe(second);
    expect(asked.at(-1)?.headers["if-none-match"]).toBe('"two"');
    // The file before is not kept.
    const records = await host.must(["builder", "du", "--verbose"]);
    expect(records).toContain(`http url ${origin}/tagged`);
  });

  test("--checksum refuses another content, and saves the request for a known one", async () => {
    const add = (sum: string): string => `FROM base:1\nADD --checksum=${sum} ${origin}/sum /in/\n`;
    const before = sourceDirectories().length;
    expect(await refused(add(sha256("other")))).toContain(
      `digest mismatch for ${origin}/sum: ${sha256("content")} (expected: ${sha256("other")})`,
    );
    expect(sourceDirectories().length).toBe(before);
    await build(add(sha256("content")));
    const count = asked.length;
    await build(add(sha256("content")));
    expect(asked.length).toBe(count);
    expect(await refused(add("md5:1234"))).toContain('invalid checksum "md5:1234": it must be sha256:HASH');
    expect(await refused("FROM base:1\nADD --checksum=sha256:00 file /\n")).toContain(
      "checksum can't be specified for non-HTTP(S) sources",
    );
  });

  test("credentials are secrets, sent to their host alone, and in no message", async () => {
    const other = createServer((request, response) => {
      asked.push({ url: `other${request.url ?? ""}`, headers: request.headers });
      response.end("content");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
      const { port } = other.address() as AddressInfo;
      answer = (_, response) =>
        void response.writeHead(302, { Location: `http://localhost:${port}/there` }).end();
      const token = join(work, "token");
      await Bun.write(token, "tok-123\n");
      const { status, stderr } = await host.tare(
        ["build", "--secret", `id=HTTP_AUTH_TOKEN_127.0.0.1,src=${token}`, "-"],
        { input: `FROM base:1\nADD ${origin}/private /in/\n` },
      );
      expect({ status, text: status === 0 ? "" : stderr }).toEqual({ status: 0, text: "" });
      expect(asked.map(({ url, headers }) => [url, headers["authorization"]])).toEqual([
        ["/private", "Bearer tok-123"],
        ["other/there", undefined],
      ]);
      const named = origin.replace("//", "//user:pa55@");
      answer = (_, response) => void response.writeHead(404).end();
      const text = await refused(`FROM base:1\nADD ${named}/private /in/\n`);
      expect(text).toContain("invalid response status 404");
      expect(asked.at(-1)?.headers["authorization"]).toBe(`Basic ${btoa("user:pa55")}`);
    } finally {
      other.close();
    }
  });

  test("answers that are no file fail with one sentence and leave nothing", async () => {
    const before = sourceDirectories().length;
    const dockerfile = `FROM base:1\nADD ${origin}/x /in/\n`;
    for (const status of [404, 500, 304]) {
      answer = (_, response) => void response.writeHead(status).end();
      expect(await refused(dockerfile)).toContain(`invalid response status ${status}`);
    }
    answer = (_, response) => void response.writeHead(302, { Location: "/x" }).end();
    expect(await refused(dockerfile)).toContain("stopped after 10 redirects");
    answer = (_, response) => void response.writeHead(302, { Location: "file:///etc/passwd" }).end();
    expect(await refused(dockerfile)).toContain("it must be http or https");
    answer = (_, response) => {
      response.writeHead(200, { "Content-Length": "1000" });
      response.write("short");
      setTimeout(() => response.destroy(), 50);
    };
    expect(await refused(dockerfile)).toContain("it closed the connection");
    answer = (_, response) => {
      response.writeHead(200, { "Content-Length": String(2 ** 45) }).flushHeaders();
    };
    expect(await refused(dockerfile)).toContain("it is larger than");
    const { stderr } = await host.tare(["build", "http://127.0.0.1:1/a.tar"]);
    expect(stderr).toEndWith(
      'ERROR: failed to build: failed to solve: cannot download "http://127.0.0.1:1/a.tar": cannot reach 127.0.0.1:1: connection refused\n',
    );
    expect(await refused("FROM base:1\nADD http://127.0.0.1:1/x /in/\n")).toContain("connection refused");
    expect(await refused(`FROM base:1\nCOPY ${origin}/x /in/\n`)).toContain("source can't be a URL for COPY");
    expect(sourceDirectories().length).toBe(before);
  });

  test("a name of the server leads nowhere", async () => {
    for (const name of ["..", ".", "a/../../b", "%2e%2e%2fx"]) {
      answer = (_, response) => {
        response.setHeader("Content-Disposition", `attachment; filename="${name}"`);
        response.end("content");
      };
      await build(`FROM base:1\nADD ${origin}/ /in/\n`);
      expect((await run("find", "/in", "-type", "f")).split("\n")).toHaveLength(1);
    }
  });

  test("a build that is ended ends its download, and leaves nothing", async () => {
    const begun = Promise.withResolvers<{ readonly closed: Promise<void> }>();
    answer = (_, response) => {
      begun.resolve({ closed: new Promise((resolve) => void response.on("close", resolve)) });
      response.writeHead(200);
      response.write("begun");
    };
    const before = sourceDirectories().length;
    const child = spawn(executable, [...host.globalFlags, "build", "-"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.end(`FROM base:1\nADD ${origin}/endless /in/\n`);
    const { closed } = await begun.promise;
    child.kill("SIGINT");
    await closed;
    await waitUntilEmpty(() => sourceDirectories().slice(before));
  });

  test("two builds at once download it once", async () => {
    let open: (() => void)[] = [];
    answer = (_, response) => {
      response.setHeader("ETag", '"same"');
      open.push(() => void response.end("content"));
    };
    const both = [1, 2].map(async () => await build(`FROM base:1\nADD ${origin}/shared /in/\n`));
    while (open.length === 0) await Bun.sleep(20);
    const [first] = open;
    answer = (_, response) => void response.writeHead(304).end();
    first?.();
    open = [];
    const [one, two] = await Promise.all(both);
    expect(one).toBe(two ?? "");
    expect(asked.map(({ headers }) => headers["if-none-match"])).toEqual([undefined, '"same"']);
  });

  test("the proxies of the build's arguments are used", async () => {
    const proxy = origin.replace("127.0.0.1", "localhost");
    await build("FROM base:1\nADD http://files.test/x /in/\n", "--build-arg", `HTTP_PROXY=${proxy}`);
    expect(asked.map(({ url }) => url)).toEqual(["http://files.test/x"]);
  });

  test("prune removes what was downloaded", async () => {
    await build(`FROM base:1\nADD ${origin}/pruned /in/\n`);
    expect(sourceDirectories().length).toBeGreaterThan(0);
    await host.must(["builder", "prune", "--all", "--force"]);
    expect(sourceDirectories()).toEqual([]);
  });
});

describe.skipIf(!isRoot)("a URL as the context", () => {
  test("an archive has the files, and the Dockerfile that is named", async () => {
    const archive = gzipSync(
      tarOf([
        ["Dockerfile", "FROM base:1\nCOPY . /in/\n"],
        ["sub/Dockerfile.dev", "FROM base:1\nCOPY sub /other/\n"],
        ["x.log", "x"],
        [".dockerignore", "*.log\n"],
      ]),
    );
    answer = (_, response) => void response.end(archive);
    await host.must(["build", "-q", "-t", "sources:1", `${origin}/ctx.tar.gz`]);
    expect((await run("ls", "-A", "/in")).split("\n")).toEqual([".dockerignore", "Dockerfile", "sub"]);
    await host.must(["build", "-q", "-t", "sources:1", "-f", "sub/Dockerfile.dev", `${origin}/ctx.tar.gz`]);
    expect(await run("ls", "/other")).toBe("Dockerfile.dev");
  });

  test("a text is the Dockerfile", async () => {
    answer = (_, response) => void response.end("FROM base:1\nRUN echo text > /made\n");
    await host.must(["build", "-q", "-t", "sources:1", `${origin}/any-name`]);
    expect(await run("cat", "/made")).toBe("text");
  });

  test("POST /build takes it as `remote`", async () => {
    answer = (_, response) => void response.end("FROM base:1\nRUN echo classic > /made\n");
    const ask = async (remote: string): Promise<string> => {
      const target = `http://tare/build?t=sources:1&remote=${encodeURIComponent(remote)}`;
      const child = spawn("curl", ["-s", "--unix-socket", host.socket, "-X", "POST", target]);
      return await textOf(child.stdout);
    };
    expect(await ask(`${origin}/f`)).toContain("Successfully tagged sources:1");
    expect(await run("cat", "/made")).toBe("classic");
    expect(await ask("ftp://x/y")).toContain('cannot use the build context \\"ftp://x/y\\"');
  });
});
