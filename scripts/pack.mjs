// Makes the npm packages in dist/packages: `tare` (the library, and a script that starts the executable) and
// `tare-linux-ARCH` (the executable and the compiled C files). `make packages` runs it after the build.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const output = "dist/packages";
const architectures = ["x64", "arm64"];
const source = JSON.parse(readFileSync("package.json", "utf8"));
const { version, license, description } = source;

/** Packs a folder and removes it. */
function pack(name, manifest, files) {
  const folder = join(output, name);
  rmSync(folder, { recursive: true, force: true });
  for (const [target, path] of Object.entries({ LICENSE: "LICENSE", ...files })) {
    cpSync(path, join(folder, target), { recursive: true });
  }
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const { status, stderr } = spawnSync(
    "npm",
    ["pack", "--silent", "--ignore-scripts", "--pack-destination", "..", "."],
    { cwd: folder, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`cannot pack ${name}: ${stderr}`);
  rmSync(folder, { recursive: true });
  console.log(join(output, `${name}-${version}.tgz`));
}

/** The executable and what was compiled from C: nothing of it needs Node. */
function packExecutable(architecture) {
  const name = `tare-linux-${architecture}`;
  const manifest = {
    name,
    version,
    description: `${description} (the executable for Linux on ${architecture})`,
    license,
    os: ["linux"],
    cpu: [architecture],
    libc: ["glibc"],
    preferUnplugged: true,
  };
  pack(name, manifest, {
    "bin/tare": "dist/bin/tare",
    tare: "dist/tare",
    "native/syscall.node": "native/build/syscall.node",
    "native/keeper.elf": "native/build/keeper.elf",
    "native/hello.elf": "native/build/hello.elf",
  });
}

/** The executables are optional dependencies, so that npm installs only that of its machine. */
function packLibrary() {
  const manifest = {
    name: "tare",
    version,
    description,
    license,
    type: "module",
    os: ["linux"],
    bin: { tare: "bin/tare" },
    exports: { ".": { types: "./dist/lib/mod.d.ts", default: "./dist/lib/index.js" } },
    engines: { node: ">=24" },
    dependencies: source.dependencies,
    optionalDependencies: Object.fromEntries(
      architectures.map((architecture) => [`tare-linux-${architecture}`, version]),
    ),
  };
  pack("tare", manifest, {
    "bin/tare": "packaging/npm/tare.sh",
    "dist/lib": "dist/lib",
    "README.md": "README.md",
    "CHANGELOG.md": "CHANGELOG.md",
  });
}

mkdirSync(output, { recursive: true });
packLibrary();
packExecutable(process.arch);
