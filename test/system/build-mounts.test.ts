import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { busyboxRootfsTar } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

let host: Installation;
let work: string;

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-build-mounts-"));
  await host.must(["import", busyboxRootfsTar(), "base:1"]);
});

afterAll(async () => {
  if (!isRoot) return;
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

async function build(dockerfile: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const context = mkdtempSync(join(work, "context-"));
  for (const [path, text] of Object.entries({ ...files, Dockerfile: dockerfile })) {
    mkdirSync(dirname(join(context, path)), { recursive: true });
    writeFileSync(join(context, path), text);
  }
  const { stdout, stderr } = await host.tare(["build", "--progress=plain", context]);
  return `${stdout}${stderr}`;
}

const stage =
  "FROM base:1 AS seed\nRUN mkdir -p /s/d && echo seeded > /s/d/f && chown -R 5:6 /s/d && chmod 750 /s/d\n";

describe.skipIf(!isRoot)("RUN --mount=type=cache", () => {
  test("a new directory has the content of `from`, and keeps what steps write", async () => {
    const dockerfile = (command: string): string =>
      `${stage}FROM base:1\nRUN --mount=type=cache,id=seeded,target=/c,from=seed,source=/s/d ${command}\n`;
    const first = await build(dockerfile("stat -c '%a %u:%g' /c; cat /c/f; echo changed > /c/f"));
    expect(first).toContain("750 5:6");
    expect(first).toContain("seeded");
    expect(await build(dockerfile("cat /c/f"))).toMatch(/ changed$/m);
    // Another content, and none, have directories of their own.
    const other = dockerfile("cat /c/d/f").replace("source=/s/d", "source=/s");
    expect(await build(other)).toMatch(/ seeded$/m);
    expect(
      await build("FROM base:1\nRUN --mount=type=cache,id=seeded,target=/c echo has:$(ls /c):\n"),
    ).toContain("has::");
  });

  test("two steps at once see it whole", async () => {
    const out = await build(
      [
        stage,
        "FROM base:1 AS a",
        "RUN --mount=type=cache,id=both,target=/c,from=seed,source=/s cat /c/d/f > /a",
        "FROM base:1 AS b",
        "RUN --mount=type=cache,id=both,target=/c,from=seed,source=/s cat /c/d/f > /b",
        "FROM base:1",
        "COPY --from=a /a /",
        "COPY --from=b /b /",
        "RUN cat /a /b",
      ].join("\n"),
    );
    expect(out.match(/ seeded$/gm)).toHaveLength(2);
  });

  test("mode, uid and gid are those of a new directory", async () => {
    const text =
      "FROM base:1\nRUN --mount=type=cache,target=/owned,mode=0710,uid=11,gid=12 stat -c '%a %u:%g' /owned\n";
    expect(await build(text)).toContain("710 11:12");
  });

  test("a source that is missing, or a file, is one sentence and leaves nothing", async () => {
    const mounts = join(host.dataRoot, "build/mounts");
    const before = existsSync(mounts) ? readdirSync(mounts) : [];
    for (const [source, text] of [
      ["/nowhere", '"/nowhere": not found'],
      ["/s/d/f", 'cannot use "/s/d/f" as a cache: it is no directory'],
    ] as const) {
      const run = `RUN --mount=type=cache,id=bad,target=/c,from=seed,source=${source} true\n`;
      expect(await build(`${stage}FROM base:1\n${run}`)).toContain(text);
    }
    expect(readdirSync(mounts)).toEqual(before);
  });

  test("links of the source are followed in it", async () => {
    const out = await build(
      "FROM base:1 AS seed\nRUN ln -s / /out && ln -s /etc/passwd /file\nFROM base:1\nRUN --mount=type=cache,id=links,target=/c,from=seed,source=/out/etc ls /c\n",
    );
    expect(out).toContain("passwd");
  });
});
