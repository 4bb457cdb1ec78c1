import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type BuildCase, buildCases, baseRootfsTar } from "../support/build-cases.ts";
import { Installation, isRoot } from "../support/tare.ts";

/**
 * What dockerd 26.1.5 with BuildKit has made of each case, by name; null: it has refused it. Trees are what differs from
 * the base image. Recorded by test/conformance/record-builds.py.
 */
interface Recorded {
  readonly tree: Readonly<Record<string, readonly unknown[]>>;
  /** Paths of the base that are not there; "all": another base. */
  readonly gone: readonly string[] | "all";
  readonly config: Readonly<Record<string, unknown>>;
  readonly history: readonly string[];
}

const recorded: Readonly<Record<string, Recorded | null>> = JSON.parse(
  readFileSync(join(import.meta.dir, "recorded-builds.json"), "utf8"),
);
const known = buildCases.filter(({ name }) => Object.hasOwn(recorded, name));
/** All of them with TARE_TEST_FULL. */
const chosen = process.env["TARE_TEST_FULL"] === "1" ? known : known.filter((_, index) => index % 3 === 0);

let host: Installation;
let work: string;
let base: Recorded["tree"];

beforeAll(async () => {
  if (!isRoot) return;
  host = new Installation();
  work = mkdtempSync(join(tmpdir(), "tare-build-cases-"));
  await host.must(["import", "-c", "ENV PATH=/bin", "-c", 'CMD ["sh"]', baseRootfsTar(work), "base"]);
  base = await treeOf("base");
});

afterAll(async () => {
  if (!isRoot) return;
  rmSync(work, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

async function treeOf(image: string): Promise<Recorded["tree"]> {
  const container = await host.must(["create", image, "x"]);
  const archive = join(work, "export.tar");
  await host.must(["export", "-o", archive, container]);
  await host.must(["rm", container]);
  const { stdout } = spawnSync("python3", [join(import.meta.dir, "tar-entries.py")], {
    input: readFileSync(archive),
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(stdout.toString());
}

function contextOf({ files = {}, dockerfile }: BuildCase): string {
  const context = mkdtempSync(join(work, "context-"));
  for (const [path, content] of Object.entries(files)) {
    const place = join(context, path);
    mkdirSync(dirname(place), { recursive: true });
    if (typeof content === "object" && "link" in content) symlinkSync(content.link, place);
    else if (path.endsWith("/")) chmodSync(place, typeof content === "string" ? 0o755 : content.mode);
    else {
      writeFileSync(place, typeof content === "string" ? content : (content.text ?? ""));
      chmodSync(place, typeof content === "string" ? 0o644 : content.mode);
    }
  }
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  return context;
}

describe.skipIf(!isRoot)("builds are those of dockerd", () => {
  test("there are enough cases", () => {
    expect(known.length).toBeGreaterThanOrEqual(120);
  });

  test.each(chosen.map((each) => [each.name, each] as const))("%s", async (name, each) => {
    const context = contextOf(each);
    const flags = (each.flags ?? []).map((flag) =>
      name === "file by another name" && flag.includes("/")
        ? join(context, flag)
        : flag.replace("{context}", context),
    );
    const expected = recorded[name];
    const built = await host.tare(["build", "-q", "-t", "case", ...flags, context]);
    if (expected === null || expected === undefined) {
      expect(built.status).toBe(1);
      expect(built.stderr).toContain("ERROR: ");
      return;
    }
    expect(built.stderr).toBe("");
    expect(built.status).toBe(0);
    const tree = await treeOf("case");
    const isOwn = expected.gone === "all";
    const changed = Object.fromEntries(
      Object.entries(tree).filter(
        ([path, entry]) => isOwn || JSON.stringify(base[path]) !== JSON.stringify(entry),
      ),
    );
    expect(changed).toEqual(expected.tree);
    if (!isOwn)
      expect(Object.keys(base).filter((path) => !Object.hasOwn(tree, path))).toEqual([...expected.gone]);
    const config: Readonly<Record<string, unknown>> = JSON.parse(
      await host.must(["image", "inspect", "--format", "{{json .Config}}", "case"]),
    );
    expect(
      Object.fromEntries(Object.entries(config).filter(([key, value]) => key !== "Image" && isFilled(value))),
    ).toEqual(expected.config);
    const history = await host.must(["history", "--no-trunc", "--format", "{{json .CreatedBy}}", "case"]);
    expect(history.split("\n").map((line) => String(JSON.parse(line)))).toEqual([...expected.history]);
  });
});

function isFilled(value: unknown): boolean {
  if (value === null || value === "" || value === false) return false;
  return typeof value !== "object" || value === null || Object.keys(value).length > 0;
}
