import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "../support/tare.ts";

const epoch = 1_700_000_000;
const [goName, triplet] = process.arch === "arm64" ? ["arm64", "aarch64"] : ["amd64", "x86_64"];
const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
  readonly version: string;
};
const archives = {
  library: `tare-${version}.tgz`,
  executable: `tare-linux-${process.arch}-${version}.tgz`,
  debian: `tare_${version}_${goName}.deb`,
  sbom: `tare-${version}.spdx.json`,
};
const elfMachines = { x86_64: 62, aarch64: 183 } as const;

interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo?: string;
  readonly licenseDeclared: string;
  readonly checksums?: readonly { readonly algorithm: string; readonly checksumValue: string }[];
  readonly externalRefs?: readonly { readonly referenceLocator: string }[];
}

interface Sbom {
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string };
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly {
    readonly spdxElementId: string;
    readonly relationshipType: string;
    readonly relatedSpdxElement: string;
  }[];
}

function must(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: repository,
    encoding: "utf8",
    env: { ...process.env, TZ: "UTC", ...env },
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: status ${String(status)}\n${stderr}`);
  return stdout;
}

/** e_machine of an executable. SPEC: elf(5) */
function readMachine(path: string): number {
  const head = Buffer.alloc(20);
  readSync(openSync(path, "r"), head);
  expect(head.toString("latin1", 1, 4)).toBe("ELF");
  return head.readUInt16LE(18);
}

describe("make release, for this machine's architecture", () => {
  const directory = mkdtempSync(join(tmpdir(), "tare-release-"));
  const to = join(directory, "release");
  const at = (name: string): string => join(to, name);
  let sbom: Sbom;

  beforeAll(() => {
    // What takes long is left out: compression of the Debian package.
    must("node", ["scripts/release.mjs", "--to", to, process.arch], {
      SOURCE_DATE_EPOCH: String(epoch),
      DEB_COMPRESSION: "none",
    });
    sbom = JSON.parse(readFileSync(at(archives.sbom), "utf8")) as Sbom;
  }, 600_000);
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test("SHA256SUMS has each file, and its checksum", () => {
    const files = [archives.sbom, archives.library, archives.executable, archives.debian].toSorted();
    expect(readdirSync(to).toSorted()).toEqual(["SHA256SUMS", ...files]);
    const sums = readFileSync(at("SHA256SUMS"), "utf8");
    expect([...(sums.match(/(?<= {2}).+$/gm) ?? [])]).toEqual(files);
    expect(must("sh", ["-c", `cd ${to} && sha256sum --check --strict SHA256SUMS`])).toBe(
      files.map((name) => `${name}: OK\n`).join(""),
    );
    expect(readdirSync(directory).toSorted()).toEqual(["release", "release-cache"]);
  });

  test("the npm package of the executable has nothing else, all for this machine", () => {
    const files = must("tar", ["-tzf", at(archives.executable)])
      .trim()
      .split("\n")
      .toSorted();
    const native = ["hello.elf", "keeper.elf", "syscall.node"].map((name) => `package/native/${name}`);
    expect(files).toEqual(
      ["package/LICENSE", "package/bin/tare", ...native, "package/package.json", "package/tare"].toSorted(),
    );
    must("tar", ["-xzf", at(archives.executable), "-C", directory]);
    for (const name of ["bin/tare", "tare", "native/syscall.node", "native/keeper.elf", "native/hello.elf"])
      expect([name, readMachine(join(directory, "package", name))]).toEqual([
        name,
        elfMachines[triplet as "x86_64"],
      ]);
    // Launcher and main binary are of one build.
    const build = /build (\w+)/.exec(must(join(directory, "package/tare"), ["--version"]))?.[1];
    expect(readFileSync(join(directory, "package/bin/tare"), "latin1")).toContain(`"Build":"${build}"`);
    rmSync(join(directory, "package"), { recursive: true });
  });

  test("the npm package of the library has what is compiled, and depends on both executables", () => {
    const files = must("tar", ["-tzf", at(archives.library)])
      .trim()
      .split("\n")
      .map((name) => name.replace("package/", ""));
    const [compiled, others] = [true, false].map((is) =>
      files.filter((name) => name.startsWith("dist/lib/") === is),
    );
    expect(others?.toSorted()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "bin/tare", "package.json"]);
    expect(compiled).toEqual(
      expect.arrayContaining(["dist/lib/index.js", "dist/lib/mod.js", "dist/lib/mod.d.ts"]),
    );
    expect(compiled?.filter((name) => !/\.(js|d\.ts)$/.test(name))).toEqual([]);
    const manifest = JSON.parse(
      must("tar", ["-xOzf", at(archives.library), "package/package.json"]),
    ) as object;
    expect(manifest).toMatchObject({
      version,
      optionalDependencies: { "tare-linux-x64": version, "tare-linux-arm64": version },
    });
  });

  test("the Debian package has its files, and the time of the release", () => {
    const field = (name: string): string => must("dpkg-deb", ["--field", at(archives.debian), name]).trim();
    expect([field("Package"), field("Version"), field("Architecture")]).toEqual(["tare", version, goName]);
    const lines = must("dpkg-deb", ["--contents", at(archives.debian)])
      .trim()
      .split("\n");
    const files = lines.map((line) => line.split(/\s+/));
    expect(new Set(files.map(([, owner]) => owner))).toEqual(new Set(["root/root"]));
    expect(new Set(files.map(([, , , day, time]) => `${day} ${time}`))).toEqual(
      new Set(["2023-11-14 22:13"]),
    );
    const paths = files.map((parts) => parts[5]);
    expect(paths).toEqual(
      expect.arrayContaining([
        "./etc/default/tare",
        "./usr/bin/tare",
        "./usr/lib/systemd/system/tare.service",
        "./usr/lib/systemd/system/tare.socket",
        "./usr/lib/tare/tare",
        "./usr/share/bash-completion/completions/tare",
        "./usr/share/doc/tare/copyright",
        "./usr/share/man/man1/tare-run.1.gz",
      ]),
    );
    const bytes = files.reduce((sum, [, , size]) => sum + Number(size), 0);
    expect(Math.abs(Number(field("Installed-Size")) * 1024 - bytes)).toBeLessThan(2048 * files.length);
  });

  test("the bill of materials is valid SPDX 2.3", () => {
    expect(sbom).toMatchObject({
      spdxVersion: "SPDX-2.3",
      dataLicense: "CC0-1.0",
      SPDXID: "SPDXRef-DOCUMENT",
      name: `tare-${version}`,
      creationInfo: {
        created: "2023-11-14T22:13:20Z",
        creators: ["Organization: The Tare authors", "Tool: tare-release"],
      },
    });
    expect(sbom.documentNamespace).toMatch(/^https:\/\/\S+-[0-9a-f]{64}$/);
    const ids = ["SPDXRef-DOCUMENT", ...sbom.packages.map(({ SPDXID }) => SPDXID)];
    expect(new Set(ids).size).toBe(ids.length);
    for (const each of sbom.packages) {
      expect(each.SPDXID).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
      // SPEC: SPDX 2.3, 7: the mandatory fields of a package whose files are not listed
      expect(each).toMatchObject({ downloadLocation: "NOASSERTION", filesAnalyzed: false });
      for (const field of ["name", "licenseConcluded", "copyrightText"])
        expect([field, Reflect.get(each, field)]).not.toEqual([field, undefined]);
      expect(each.licenseDeclared).toMatch(/^[A-Za-z0-9.+-]+$/);
    }
    for (const { spdxElementId, relatedSpdxElement } of sbom.relationships)
      for (const id of [spdxElementId, relatedSpdxElement]) expect(ids).toContain(id);
  });

  test("the bill of materials has each file of the release, and each part with version and license", () => {
    const find = (name: string): SpdxPackage | undefined => sbom.packages.find((each) => each.name === name);
    for (const name of [archives.library, archives.executable, archives.debian]) {
      const checksumValue = createHash("sha256")
        .update(readFileSync(at(name)))
        .digest("hex");
      expect(find(name)).toMatchObject({
        checksums: [{ algorithm: "SHA256", checksumValue }],
        versionInfo: version,
      });
    }
    const lock = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8")) as {
      readonly packages: Readonly<
        Record<string, { version: string; license: string; dev?: boolean; link?: boolean; integrity: string }>
      >;
    };
    const used = Object.entries(lock.packages).filter(
      ([path, { dev, link }]) => path !== "" && !dev && !link,
    );
    expect(used.length).toBeGreaterThan(0);
    for (const [path, { version: versionInfo, license, integrity }] of used) {
      const checksumValue = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
      expect(find(path.replace(/^.*node_modules\//, ""))).toMatchObject({
        versionInfo,
        licenseDeclared: license,
        checksums: [{ algorithm: "SHA512", checksumValue }],
      });
    }
    const bun = lock.packages["node_modules/bun"]?.version;
    expect(find("bun")).toMatchObject({ versionInfo: bun, licenseDeclared: "MIT" });
    expect(find("glibc")).toMatchObject({ licenseDeclared: "LGPL-2.1-or-later" });
    // Nothing that the sources import is missing.
    const sources = readdirSync(join(repository, "src"), { recursive: true, encoding: "utf8" });
    const imported = sources
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => [
        ...readFileSync(join(repository, "src", name), "utf8").matchAll(
          /^(?:import|export) [^"]*?from "([^."][^"]*)";/gm,
        ),
      ])
      // Of `name/file.js` and `@scope/name/file.js` the package.
      .map(([, name = ""]) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name)
      .filter((name) => !name.startsWith("node:") && name !== "tare"); // examples in docstrings import it
    expect(imported.length).toBeGreaterThan(0);
    for (const name of new Set(imported)) expect([name, find(name)?.name]).toEqual([name, name]);
  });

  test("the executables contain the runtime and the npm packages, and need the C library", () => {
    const idOf = (name: string): string => sbom.packages.find((each) => each.name === name)?.SPDXID ?? name;
    for (const name of [archives.executable, archives.debian]) {
      const of = sbom.relationships.filter(({ spdxElementId }) => spdxElementId === idOf(name));
      const related = of.map(({ relationshipType, relatedSpdxElement }) => [
        relationshipType,
        relatedSpdxElement,
      ]);
      expect(related).toEqual(
        expect.arrayContaining([
          ["CONTAINS", idOf("bun")],
          ["CONTAINS", idOf("smol-toml")],
          ["CONTAINS", idOf("yaml")],
          ["CONTAINS", idOf("protobufjs")],
          ["DEPENDS_ON", idOf("glibc")],
        ]),
      );
    }
    const described = sbom.relationships
      .filter(({ relationshipType }) => relationshipType === "DESCRIBES")
      .map(({ relatedSpdxElement }) => relatedSpdxElement);
    expect(described.toSorted()).toEqual(
      [archives.library, archives.executable, archives.debian].map(idOf).toSorted(),
    );
  });

  test("an architecture that there is not is one sentence", () => {
    const { status, stderr } = spawnSync("node", ["scripts/release.mjs", "--to", at("none"), "riscv64"], {
      cwd: repository,
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([1, "cannot build for riscv64: there are x64, arm64\n"]);
  });
});

const cross = "aarch64-linux-gnu-gcc";
const isCross = spawnSync(cross, ["--version"]).status === 0;
if (!isCross)
  console.log(
    `skipped: there is no compiler for arm64: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross`,
  );

describe.skipIf(!isCross)("the C programs, compiled for arm64", () => {
  const directory = mkdtempSync(join(tmpdir(), "tare-arm64-"));
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test("compile without a warning, and are programs for arm64", () => {
    const options = [`CC=${cross}`, "CFLAGS=-Werror", `BUILD=${directory}`];
    must("make", ["--silent", "-C", "native", ...options, "all"]);
    must("make", [
      "--silent",
      "-C",
      "native",
      ...options,
      `TO=${directory}/launcher`,
      "BUILD_ID=none",
      "launcher",
    ]);
    const names = readdirSync(directory).toSorted();
    expect(names).toEqual(["hello.elf", "keeper.elf", "launcher", "syscall.node"]);
    for (const name of names)
      expect([name, readMachine(join(directory, name))]).toEqual([name, elfMachines.aarch64]);
  });
});
