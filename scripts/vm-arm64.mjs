// The release for arm64 on Debian's arm64 kernel, in a virtual machine whose processor is emulated: boots it with the
// Debian package of `make release`, and runs test/vm/arm64-guest.sh there. `npm run vm:arm64`; about 15 minutes on two
// processors. With words, `npm run vm:arm64 -- seccomp`, it also runs the suites of test/vm/arm64-suites.txt whose path
// contains one of them; with `all`, all of them. Kernel and guest programs are Debian's arm64 packages, from a package
// list of its own: nothing is installed on this machine.
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** Debian packages that it needs here, by a program that each has. */
const packages = {
  "qemu-system-arm": "qemu-system-aarch64",
  kmod: "depmod",
  cpio: "cpio",
  "xz-utils": "xz",
  dpkg: "dpkg-deb",
};
const cache = resolve("dist/vm-arm64");
const wholeSeconds = 5400;
/** What a container needs: all of networking and of overlays, without the drivers of hardware. */
const moduleFolders =
  /^kernel\/(net\/(bridge|netfilter|ipv4|ipv6|802|llc|core|sched)|fs\/(overlayfs|erofs)|lib|crypto)\/|^kernel\/drivers\/(net\/(veth|dummy|tun|macvlan)|block\/loop)/;

const words = process.argv.slice(2);
const lacking = Object.entries(packages).filter(
  ([, program]) => spawnSync("sh", ["-c", `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]).status !== 0,
);
if (lacking.length > 0)
  fail(`cannot boot a virtual machine: apt-get install ${lacking.map(([name]) => name).join(" ")}`);
const release = "dist/release";
const deb = existsSync(release)
  ? readdirSync(release).find((name) => name.endsWith("_arm64.deb"))
  : undefined;
if (deb === undefined) fail('cannot find the Debian package for arm64 in dist/release: run "make release"');

const directory = mkdtempSync(join(tmpdir(), "tare-vm-arm64-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
const debian = fetchPackages();
const root = join(directory, "root");
const kernel = fillRoot();
const image = join(directory, "initrd");
must("sh", ["-c", `cd "${root}" && find . | cpio -o -H newc --quiet > "${image}"`]);
rmSync(root, { recursive: true });
const output = await boot();
const results = [...output.matchAll(/^(ok|FAILED) +(.*?)\r?$/gm)].map(([, mark, name]) => ({
  name,
  isGood: mark === "ok",
}));
const isOver = /^end of the guest\r?$/m.test(output);
if (!isOver) console.log("the virtual machine ended before it");
const failed = results.filter(({ isGood }) => !isGood).length + (isOver ? 0 : 1);
console.log(`${results.length - results.filter(({ isGood }) => !isGood).length} passed, ${failed} failed`);
process.exit(failed === 0 && results.length > 0 ? 0 : 1);

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function must(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    ...options,
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  if (status !== 0) fail(`cannot run ${program} ${args[0]}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Debian's kernel, BusyBox and C library for arm64, and BusyBox for 32-bit ARM, downloaded once; returns the paths. */
function fetchPackages() {
  const lists = join(cache, "lists");
  for (const path of [lists, join(cache, "archives")]) mkdirSync(join(path, "partial"), { recursive: true });
  const options = [
    ...[
      "APT::Architectures::=arm64",
      "APT::Architectures::=armhf",
      `Dir::State::Lists=${lists}`,
      `Dir::Cache=${cache}`,
    ],
    ...["APT::Sandbox::User=root", "Debug::NoLocking=1"],
  ].flatMap((option) => ["-o", option]);
  const find = ([start, architecture]) =>
    readdirSync(cache).find((name) => name.startsWith(start) && name.endsWith(`_${architecture}.deb`));
  const wanted = [
    ["linux-image-6", "arm64"],
    ["busybox-static_", "armhf"],
    ...["busybox-static_", "libc6_", "libgcc-s1_"].map((start) => [start, "arm64"]),
  ];
  if (wanted.some((each) => find(each) === undefined)) {
    must("apt-get", ["-qq", ...options, "update"]);
    const depends = must("apt-cache", [...options, "depends", "linux-image-arm64:arm64"]);
    const kernelPackage = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    const programs = ["busybox-static:arm64", "busybox-static:armhf", "libc6:arm64", "libgcc-s1:arm64"];
    must("apt-get", ["-qq", ...options, "download", kernelPackage, ...programs], { cwd: cache });
  }
  return wanted.map((each) => join(cache, find(each)));
}

/**
 * The first file system: the guest's programs, the kernel's modules, the package under test; returns the kernel's path.
 */
function fillRoot() {
  const [kernelDeb, narrowDeb, ...others] = debian;
  for (const path of [...others, join(release, deb)]) must("dpkg-deb", ["-x", path, root]);
  for (const path of ["usr/share/doc", "usr/share/man", "usr/lib/aarch64-linux-gnu/gconv"])
    rmSync(join(root, path), { recursive: true, force: true });
  for (const name of ["bin", "lib", "sbin"]) {
    if (!existsSync(join(root, name))) symlinkSync(`usr/${name}`, join(root, name));
    mkdirSync(join(root, "usr", name), { recursive: true });
  }
  const narrow = join(directory, "armhf");
  must("dpkg-deb", ["-x", narrowDeb, narrow]);
  cpSync(join(narrow, "usr/bin/busybox"), join(root, "usr/bin/busybox-armhf"));
  const unpacked = join(directory, "kernel");
  must("dpkg-deb", ["-x", kernelDeb, unpacked]);
  const modules = join(unpacked, "usr/lib/modules");
  const [version] = readdirSync(modules);
  for (const path of readdirSync(join(modules, version), { recursive: true, encoding: "utf8" })) {
    if (!path.startsWith("modules.") && !(path.endsWith(".ko.xz") && moduleFolders.test(path))) continue;
    const target = join(root, "usr/lib/modules", version, path);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(modules, version, path), target);
    if (path.endsWith(".xz")) must("xz", ["-d", target]); // BusyBox loads none that is compressed
  }
  must("depmod", ["-b", join(root, "usr"), version]);
  for (const name of ["dev", "proc", "sys"]) mkdirSync(join(root, name), { recursive: true });
  cpSync("test/vm/arm64-init.sh", join(root, "init"));
  chmodSync(join(root, "init"), 0o755);
  cpSync("test/vm/arm64-guest.sh", join(root, "guest.sh"));
  addSuites();
  return join(unpacked, "boot", `vmlinuz-${version}`);
}

/** The sources, the runtime and what was compiled for arm64, for the suites that were asked for. */
function addSuites() {
  const suites = readFileSync("test/vm/arm64-suites.txt", "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .filter((line) => words.some((word) => word === "all" || line.includes(word)));
  writeFileSync(join(root, "suites"), suites.map((line) => `${line}\n`).join(""));
  if (suites.length === 0) return;
  const project = join(root, "project");
  for (const name of ["src", "test", "native", "scripts", "package.json", "tsconfig.json", "Makefile"])
    cpSync(name, join(project, name), { recursive: true });
  const archive = readdirSync(release).find((name) => name.startsWith("tare-linux-arm64-"));
  const unpacked = join(directory, "npm");
  mkdirSync(unpacked);
  must("tar", ["-xzf", join(release, archive), "-C", unpacked]);
  cpSync(join(unpacked, "package/native"), join(project, "native/build"), { recursive: true });
  mkdirSync(join(project, "dist/bin"), { recursive: true });
  symlinkSync("/usr/lib/tare/tare", join(project, "dist/tare"));
  symlinkSync("/usr/bin/tare", join(project, "dist/bin/tare"));
  for (const name of ["fast-check", "pure-rand", "smol-toml", "yaml"])
    cpSync(join("node_modules", name), join(project, "node_modules", name), { recursive: true });
  const [runtime] = readdirSync("dist/release-cache").filter((name) => name.endsWith("-arm64"));
  cpSync(join("dist/release-cache", runtime, "package/bin/bun"), join(root, "usr/bin/bun"));
}

/** Boots and prints what the guest prints; returns all of it. */
async function boot() {
  const machine = spawn(
    "qemu-system-aarch64",
    [
      ...["-M", "virt", "-cpu", "cortex-a72", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "4G"],
      ...["-nographic", "-no-reboot", "-nic", "none", "-kernel", kernel, "-initrd", image],
      ...["-append", "console=ttyAMA0 quiet panic=-1"],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  process.on("exit", () => machine.kill("SIGKILL"));
  const timer = setTimeout(() => machine.kill("SIGKILL"), wholeSeconds * 1000);
  let text = "";
  machine.stdout.on("data", (bytes) => {
    text += bytes;
    process.stdout.write(bytes);
  });
  await new Promise((over) => machine.on("close", over));
  clearTimeout(timer);
  return text;
}
