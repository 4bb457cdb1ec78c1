// The Bun runtime of each architecture, which `bun build --compile` puts into an executable: from its npm package, in
// the version and with the checksum that package-lock.json pins.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Bun's names, in its packages and in the option --target. */
export const bunNames = { x64: "x64", arm64: "aarch64" };

/** The package of an architecture's runtime, as package-lock.json describes it. */
export function findRuntime(lock, architecture) {
  const name = `@oven/bun-linux-${bunNames[architecture]}`;
  const { version, integrity } = lock.packages[`node_modules/${name}`];
  const wanted = lock.packages["node_modules/bun"].version;
  if (version !== wanted)
    throw new Error(`cannot use ${name} ${version}: package-lock.json has bun ${wanted}`);
  return { name, version, integrity };
}

/** Throws when the archive is not the one that package-lock.json names. SPEC: Subresource Integrity, section 3.1 */
export function checkIntegrity(bytes, { name, version, integrity }) {
  const [algorithm, expected] = /^(sha\d+)-(.+)$/.exec(integrity).slice(1);
  const actual = createHash(algorithm).update(bytes).digest("base64");
  if (actual !== expected) {
    throw new Error(
      `cannot use ${name} ${version}: its ${algorithm} is ${actual}, package-lock.json has ${expected}`,
    );
  }
}

/** Downloads the runtime into a directory, once, and checks it each time; returns the path of the program. */
export function fetchRuntime(lock, architecture, directory) {
  const runtime = findRuntime(lock, architecture);
  const archive = join(directory, `bun-${runtime.version}-${architecture}.tgz`);
  mkdirSync(directory, { recursive: true });
  if (!existsSync(archive)) download(runtime, { archive, directory });
  checkIntegrity(readFileSync(archive), runtime);
  const unpacked = join(directory, `bun-${runtime.version}-${architecture}`);
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked);
  run("tar", ["-xzf", archive, "-C", unpacked, "--no-same-owner", "package/bin/bun"]);
  return join(unpacked, "package/bin/bun");
}

function download({ name, version }, { archive, directory }) {
  const drafts = join(directory, `draft-${process.pid}`);
  mkdirSync(drafts);
  const specification = `${name}@${version}`;
  const output = run("npm", [
    "pack",
    "--silent",
    "--prefer-offline",
    "--pack-destination",
    drafts,
    specification,
  ]);
  renameSync(join(drafts, output.trim()), archive);
  rmSync(drafts, { recursive: true });
}

function run(program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`cannot run ${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
