import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DockerCli, findDockerCli } from "../support/docker-cli.ts";
import { Installation, isRoot } from "../support/tare.ts";

const program = findDockerCli();
if (program === undefined) console.log("skipped: docker-cli (apt-get install docker-cli)");

describe.skipIf(!isRoot || program === undefined)("docker-cli's usage and pruning", () => {
  let tare: Installation;
  let docker: DockerCli;
  /** Without what moves between two calls: ages, and the width of the column that the longest age gives. */
  const steady = (text: string): string =>
    text.replaceAll(/\d+ (?:milli)?seconds?|Less than a second/g, "a moment").replaceAll(/ {2,}/g, "  ");

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["run", "--name", "done", "hello"]);
    await tare.must(["create", "--name", "idle", "-v", "kept:/kept", "-v", "/nameless", "hello"]);
    await tare.must(["volume", "create", "unused"]);
    await tare.must(["tag", "hello", "other:1"]);
    docker = new DockerCli(program ?? "", {
      socket: tare.clientSocket,
      config: join(tare.directory, "docker"),
    });
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test.each<readonly [readonly string[]]>([
    [["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}"]],
    [["system", "df", "--format", "json"]],
    [["ps", "-as"]],
    [["container", "inspect", "-s", "-f", "{{.SizeRw}} {{.SizeRootFs}}", "done"]],
  ])("%p looks the same", async (args) => {
    expect(steady(await tare.must(args))).toBe(steady(await docker.must(args)));
  });

  test.each<readonly [readonly string[]]>([[["system", "df"]], [["system", "df", "-v"]]])(
    "%p looks the same, and then says what is on the disk",
    async (args) => {
      const [ours, theirs] = [steady(await tare.must(args)), steady(await docker.must(args))];
      expect(ours.slice(0, theirs.length)).toBe(theirs);
      expect(ours.slice(theirs.length)).toContain("Unpacked layers");
    },
  );

  test.each<readonly [readonly string[]]>([
    [["container", "prune"]],
    [["image", "prune"]],
    [["image", "prune", "--all"]],
    [["system", "prune", "--filter", "label=x", "--filter", "label!=y"]],
    [["system", "prune", "--all", "--volumes"]],
    [["system", "prune", "--filter", "until=1h"]],
  ])("%p asks in the same words", async (args) => {
    const [ours, theirs] = await Promise.all([
      tare.tare(args, { input: "n\n" }),
      docker.run(args, { input: "n\n" }),
    ]);
    expect([ours.stdout, ours.stderr, ours.status]).toEqual([theirs.stdout, theirs.stderr, theirs.code]);
  });

  test("container, image and system prune work", async () => {
    expect(await docker.must(["container", "prune", "-f", "--filter", "label=none"])).toBe(
      "Total reclaimed space: 0B",
    );
    expect(await docker.must(["container", "prune", "-f"])).toMatch(
      /^Deleted Containers:\n([0-9a-f]{64}\n){2}/,
    );
    expect(await docker.must(["system", "prune", "-af", "--volumes"])).toMatch(
      /untagged: other:1\ndeleted: sha256:/,
    );
    expect(await docker.must(["images", "-q"])).toBe("");
    const refused = await docker.run(["container", "prune", "-f", "--filter", "name=x"]);
    expect(refused.stderr).toBe("Error response from daemon: invalid filter 'name'\n");
  });
});
