import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildOnce } from "../support/build-once.ts";
import { FreshMachine } from "../support/fresh-machine.ts";
import { findNode24 } from "../support/node-24.ts";
import { NpmRegistry } from "../support/npm-registry.ts";
import { isRoot, repository } from "../support/tare.ts";

const node = isRoot ? findNode24() : undefined;
if (isRoot && node === undefined) console.log("skipped: there is no Node 24 here (TARE_NODE24 names one)");
const isDebian = ["nodejs", "npm"].every((name) => existsSync(`/var/lib/dpkg/info/${name}.list`));
/** Its roots are the machine's: an engine that uses them must not meet another. */
const isFree = !existsSync("/run/tare/tare.sock");
const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
  readonly version: string;
};
const names = ["tare", `tare-linux-${process.arch}`];

const program = `import { Failure, openEngine, type LibraryEngine } from "tare";
const engine: LibraryEngine = await openEngine({ dataRoot: "/var/lib/own", runRoot: "/run/own" });
await using container = await engine.run("hello");
console.log((await container.stdout()).split("\\n")[0], Failure.name);
await container.remove();
await engine[Symbol.asyncDispose]();
`;

describe.skipIf(!isRoot || !isDebian || !isFree)("the npm packages, on a machine without a compiler", () => {
  let machine: FreshMachine;
  let registry: NpmRegistry;
  let project = "";

  beforeAll(async () => {
    buildOnce("packages");
    machine = await FreshMachine.make({ packages: ["nodejs", "npm"] });
    project = join(machine.directory, "project");
    mkdirSync(project);
    const dependencies = ["smol-toml", "yaml"].map((name) => {
      const archive = join(machine.directory, `${name}.tgz`);
      const words = ["-czf", archive, "--transform=s,^\\.,package,", "-C", `node_modules/${name}`, "."];
      expect(spawnSync("tar", words, { cwd: repository }).status).toBe(0);
      return archive;
    });
    const archives = names.map((name) => join(repository, `dist/packages/${name}-${version}.tgz`));
    registry = await NpmRegistry.start([...archives, ...dependencies]);
  }, 600_000);
  afterAll(async () => {
    await machine.run("tare rm -f $(tare ps -aq); tare system settle; tare daemon stop");
    registry[Symbol.dispose]();
    await machine[Symbol.asyncDispose]();
  }, 300_000);

  test("npm install -g tare, then tare run --rm hello", async () => {
    expect((await machine.run("command -v gcc cc make bun")).stdout).toBe("");
    await machine.must(
      `npm install -g tare --registry ${registry.url} --no-audit --no-fund --prefix /usr/local`,
    );
    expect(await machine.must("tare --version")).toContain(`version ${version}`);
    expect(await machine.must("tare run --rm hello")).toContain("started in ");
    // Through a link, as npm and people make them; and the arguments arrive as they are.
    await machine.must(`ln -s /usr/local/bin/tare ${machine.programs}/linked`);
    expect((await machine.run("linked run --rm hello 'two words'")).stderr).toContain('execute "two words"');
    // Of the architectures, only this machine's is installed.
    const installed = await machine.must("ls /usr/local/lib/node_modules/tare/node_modules");
    expect(installed.split("\n").toSorted()).toEqual(["smol-toml", names[1] ?? "", "yaml"]);
    await machine.must("tare daemon stop");
  });

  test("a package for another architecture, or none, is one sentence", async () => {
    const manifest = "/usr/local/lib/node_modules/tare";
    await machine.must(`mv ${manifest}/node_modules/${names[1]} ${manifest}/kept`);
    expect(await machine.run("tare ps")).toEqual({
      status: 127,
      stdout: "",
      stderr: `tare: cannot find the package ${names[1]}: install without --omit=optional\n`,
    });
    await machine.must(`mv ${manifest}/kept ${manifest}/node_modules/${names[1]}`);
    machine.addProgram("uname", "echo riscv64");
    expect((await machine.run("tare ps")).stderr).toBe(
      "tare: cannot run on riscv64: there are executables for x86_64 and aarch64\n",
    );
    await machine.must(`rm ${machine.programs}/uname`);
  });

  test("the library in a new project: strict types, and a container on Node 24", async () => {
    writeFileSync(join(project, "package.json"), '{ "type": "module", "private": true }\n');
    writeFileSync(join(project, "main.mts"), program);
    const inProject = `cd ${project} &&`;
    await machine.must(`${inProject} npm install tare --registry ${registry.url} --no-audit --no-fund`);
    cpSync(join(repository, "node_modules/@types"), join(project, "node_modules/@types"), {
      recursive: true,
    });
    cpSync(join(repository, "node_modules/undici-types"), join(project, "node_modules/undici-types"), {
      recursive: true,
    });
    const compiler = join(repository, "node_modules/typescript-7/bin/tsc");
    const flags = "--ignoreConfig --strict --module nodenext --target esnext --types node main.mts";
    expect(await machine.must(`${inProject} ${compiler} ${flags}`)).toBe("");
    if (node === undefined) return;
    const run = `${node.startsWith("/") ? node : "node"} --disable-warning=ExperimentalWarning main.mjs`;
    expect(await machine.must(`${inProject} ${run}`)).toMatch(/\S.* Failure$/);
  });

  test("an older version of Node gets one sentence", async () => {
    const { status, stderr } = await machine.run(`cd ${project} && node -e 'import("tare")'`);
    const installed = (await machine.must("node --version")).slice(1);
    if (Number.parseInt(installed, 10) >= 24) return;
    expect(status).not.toBe(0);
    expect(stderr).toContain(`the library tare needs Node 24 or later; this is Node ${installed}`);
    expect(stderr).not.toContain("SyntaxError");
  });
});

describe("npm pack in a checkout", () => {
  test("takes all that package.json names, and nothing else that was built", () => {
    buildOnce("lib");
    const { stdout } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: repository,
      encoding: "utf8",
    });
    const packed = JSON.parse(stdout) as readonly {
      readonly files: readonly { readonly path: string }[];
    }[];
    const paths = packed.flatMap(({ files }) => files.map(({ path }) => path));
    expect(paths).toEqual(
      expect.arrayContaining([
        "dist/bin/tare",
        "dist/tare",
        "dist/lib/index.js",
        "dist/lib/mod.js",
        "dist/lib/mod.d.ts",
        ...["syscall.node", "keeper.elf", "hello.elf"].map((name) => `dist/native/${name}`),
      ]),
    );
    expect(paths.filter((path) => !/^(dist\/(bin|lib|native)\/|dist\/tare$)/.test(path)).toSorted()).toEqual([
      "LICENSE",
      "README.md",
      "package.json",
    ]);
  });
});
