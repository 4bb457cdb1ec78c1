// Makes the npm packages in dist/packages: `tare` (the library, and a script that starts the executable) and
// `tare-linux-ARCH` (the executable and the compiled C files). `make packages` runs it after the build;
// scripts/release.mjs packs builds of other directories with it.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const architectures = ["x64", "arm64"];

/** Packs a folder of the output directory and removes it; returns the name of the archive. */
function pack(manifest, files, { from, to }) {
  const folder = resolve(to, manifest.name);
  rmSync(folder, { recursive: true, force: true });
  for (const [target, path] of Object.entries({ LICENSE: "LICENSE", ...files })) {
    cpSync(join(from, path), join(folder, target), { recursive: true });
  }
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const { status, stderr } = spawnSync(
    "npm",
    ["pack", "--silent", "--ignore-scripts", "--pack-destination", "..", "."],
    { cwd: folder, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`cannot pack ${manifest.name}: ${stderr}`);
  rmSync(folder, { recursive: true });
  return `${manifest.name}-${manifest.version}.tgz`;
}

function readSource(from) {
  return JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
}

/** The executable and what was compiled from C: nothing of it needs Node. `from` is a checkout after `make`. */
export function packExecutable(architecture, { from, to }) {
  const { version, license, description } = readSource(from);
  const manifest = {
    name: `tare-linux-${architecture}`,
    version,
    description: `${description} (the executable for Linux on ${architecture})`,
    license,
    os: ["linux"],
    cpu: [architecture],
    libc: ["glibc"],
    preferUnplugged: true,
  };
  const files = {
    "bin/tare": "dist/bin/tare",
    tare: "dist/tare",
    "native/syscall.node": "native/build/syscall.node",
    "native/keeper.elf": "native/build/keeper.elf",
    "native/hello.elf": "native/build/hello.elf",
  };
  return pack(manifest, files, { from, to });
}

/** The library. The executables are optional dependencies, so that npm installs only that of its machine. */
export function packLibrary({ from, to }) {
  const { version, license, description, dependencies } = readSource(from);
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
    dependencies,
    optionalDependencies: Object.fromEntries(
      architectures.map((architecture) => [`tare-linux-${architecture}`, version]),
    ),
  };
  const files = {
    "bin/tare": "packaging/npm/tare.sh",
    "dist/lib": "dist/lib",
    "README.md": "README.md",
    "CHANGELOG.md": "CHANGELOG.md",
  };
  return pack(manifest, files, { from, to });
}

if (process.argv[1] === import.meta.filename) {
  const to = "dist/packages";
  mkdirSync(to, { recursive: true });
  console.log(join(to, packLibrary({ from: ".", to })));
  console.log(join(to, packExecutable(process.arch, { from: ".", to })));
}
