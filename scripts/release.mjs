// Makes all files of a release in dist/release: the npm packages, the Debian packages, the bill of materials and
// SHA256SUMS. `make release` runs it. `node scripts/release.mjs --to DIRECTORY x64` makes those of some architectures
// only, elsewhere. Each architecture is built from a copy of the files that git knows, so that nothing else gets in,
// with the Bun runtime of its npm package. The time of the commit, or SOURCE_DATE_EPOCH, is the time of all files.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { architectures, packExecutable, packLibrary } from "./pack.mjs";
import { bunNames, fetchRuntime, findRuntime } from "./release/bun-runtime.mjs";
import { createSbom, listBundled, listInExecutable } from "./release/sbom.mjs";

const compilers = { x64: "x86_64-linux-gnu-gcc", arm64: "aarch64-linux-gnu-gcc" };
/** Debian packages with the compiler and the C library, for a machine of the other architecture. */
const crossPackages = {
  x64: "gcc-x86-64-linux-gnu libc6-dev-amd64-cross",
  arm64: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
};
const debianNames = { x64: "amd64", arm64: "arm64" };

const { values, positionals } = parseArgs({
  options: { to: { type: "string", default: "dist/release" } },
  allowPositionals: true,
});
const wanted = positionals.length === 0 ? architectures : positionals;
const to = resolve(values.to);
const work = `${to}-work`;
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const { name, version, license } = JSON.parse(readFileSync("package.json", "utf8"));

checkMachine();
const seconds = Number(process.env.SOURCE_DATE_EPOCH ?? must("git", ["log", "-1", "--format=%ct"]));
rmSync(work, { recursive: true, force: true });
const draft = join(work, "release");
mkdirSync(draft, { recursive: true });

const sources = join(work, "sources");
copySources();
// That of this machine first: its executable writes the units and man pages of the others' Debian packages.
const order = [process.arch, ...wanted.filter((architecture) => architecture !== process.arch)];
const trees = Object.fromEntries(order.map((architecture) => [architecture, build(architecture)]));
const own = trees[process.arch];
must("make", ["--silent", "-C", own, "lib"]);
const files = [
  { name: packLibrary({ from: own, to: draft }), contains: "library" },
  ...wanted.flatMap((architecture) => [
    { name: packExecutable(architecture, { from: trees[architecture], to: draft }), contains: "executable" },
    { name: packDebian(architecture), contains: "executable" },
  ]),
];
const sbom = createSbom({
  name,
  version,
  license,
  lock,
  files: files.map((file) => ({ ...file, sha256: hashOf(join(draft, file.name)) })),
  runtimes: wanted.map((architecture) => findRuntime(lock, architecture)),
  seconds,
});
writeFileSync(join(draft, `${name}-${version}.spdx.json`), `${JSON.stringify(sbom, undefined, 2)}\n`);
const names = readdirSync(draft).toSorted();
// In the format of sha256sum(1), to check with `sha256sum -c`.
writeFileSync(
  join(draft, "SHA256SUMS"),
  names.map((each) => `${hashOf(join(draft, each))}  ${each}\n`).join(""),
);
rmSync(to, { recursive: true, force: true });
renameSync(draft, to);
rmSync(work, { recursive: true, force: true });
for (const each of [...names, "SHA256SUMS"]) console.log(join(values.to, each));

function checkMachine() {
  const unknown = wanted.filter((architecture) => !architectures.includes(architecture));
  if (unknown.length > 0)
    fail(`cannot build for ${unknown.join(", ")}: there are ${architectures.join(", ")}`);
  const lacking = [...new Set([process.arch, ...wanted])].filter(
    (architecture) => spawnSync(compilers[architecture], ["--version"]).status !== 0,
  );
  if (lacking.length === 0) return;
  const packages = lacking.map((architecture) => crossPackages[architecture]).join(" ");
  fail(`cannot compile for ${lacking.join(", ")}: apt-get install ${packages}`);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** Once for all architectures: the files may change while it builds. */
function copySources() {
  for (const path of must("git", ["ls-files", "-z"]).split("\0").filter(Boolean)) {
    mkdirSync(dirname(join(sources, path)), { recursive: true });
    cpSync(path, join(sources, path), { verbatimSymlinks: true });
  }
}

/** A copy of the sources with what `make` builds of them; returns its directory. */
function build(architecture) {
  const tree = join(work, architecture);
  cpSync(sources, tree, { recursive: true, verbatimSymlinks: true });
  linkModules(join(tree, "node_modules"));
  // Kept beside the output, because each is 50 MB to download.
  const runtime = fetchRuntime(lock, architecture, `${to}-cache`);
  must("make", [
    "--silent",
    "-C",
    tree,
    `CC=${compilers[architecture]}`,
    `COMPILE_FLAGS=--target=bun-linux-${bunNames[architecture]} --compile-executable-path=${runtime}`,
    "all",
  ]);
  return tree;
}

/**
 * Links to the checkout's tools. What gets into the executable is a copy: the bundler hashes its path from the sources.
 */
function linkModules(directory) {
  const bundled = [...listBundled(lock), ...listInExecutable(lock)].map((each) => each.name);
  const scopes = new Set(bundled.map((each) => each.split("/")[0]));
  mkdirSync(directory);
  for (const each of readdirSync("node_modules"))
    if (!scopes.has(each)) symlinkSync(resolve("node_modules", each), join(directory, each));
  for (const each of bundled) cpSync(join("node_modules", each), join(directory, each), { recursive: true });
}

function packDebian(architecture) {
  must(join(trees[architecture], "packaging/debian/build.sh"), [], {
    SOURCE_DATE_EPOCH: String(seconds),
    ARCHITECTURE: debianNames[architecture],
    OUTPUT: draft,
    TARE: join(own, "dist/tare"),
  });
  return `${name}_${version}_${debianNames[architecture]}.deb`;
}

function hashOf(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function must(program, args, more = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", ...more },
    maxBuffer: 1 << 28,
  });
  if (status !== 0)
    fail(`cannot run ${program} ${args.join(" ")}: ${error?.message ?? `status ${status}`}\n${stderr}`);
  return stdout;
}
