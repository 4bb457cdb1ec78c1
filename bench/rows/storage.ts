import { mkdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openDocker } from "../engines/docker.ts";
import type { Engine, Missing, StorageChoice } from "../engines/engine.ts";
import { openTare } from "../engines/tare.ts";
import { buildFromHost, buildOfSmallFiles, chooseFiles, listHostFiles } from "../harness/built-layer.ts";
import { findProgram, runTimed } from "../harness/command.ts";
import { interleave } from "../harness/interleave.ts";
import { figureOf, type Result, type Unit } from "../harness/result.ts";
import { type Bench, figures, type Row, type WithContainers, withContainers } from "./row.ts";

/** Pairs of Tare's driver and Docker's driver of the same kind, with the file system for both. */
const pairs: readonly { readonly tare: string; readonly docker?: string; readonly on: "here" | "btrfs" }[] = [
  { tare: "overlay", docker: "overlay2", on: "here" },
  { tare: "erofs", on: "here" },
  { tare: "vfs", docker: "vfs", on: "here" },
  { tare: "btrfs", docker: "btrfs", on: "btrfs" },
];

export const storagePairNames: readonly string[] = pairs.map(({ tare }) => tare);

/** The part that is also measured on an overlay without an engine: the cost of the kernel's overlay alone. */
const throughBareOverlay: ReadonlySet<string> = new Set(["read-warm", "read-random", "first-write"]);

/** The output of file-io.c, in its order. */
const work: readonly { readonly name: string; readonly about: string; readonly unit: Unit }[] = [
  { name: "read-cold", about: "1 GB from start to end, not in the cache", unit: "MB/s" },
  { name: "read-warm", about: "1 GB from start to end, in the cache", unit: "MB/s" },
  { name: "read-random", about: "4 KiB at random places", unit: "MB/s" },
  { name: "write", about: "new file of 256 MiB, synced", unit: "MB/s" },
  { name: "write-random", about: "4 KiB at random places of it, synced", unit: "MB/s" },
  { name: "untar", about: "untar of many small files", unit: "ms" },
  { name: "find", about: "find over them", unit: "ms" },
  { name: "delete", about: "rm -r of them", unit: "ms" },
  { name: "first-write", about: "first write to the file of 1 GB", unit: "ms" },
];

/** Storage drivers, whole commands of users and work inside of containers; the floor is the file system without any. */
export const storage: Row = {
  name: "storage",
  about: "storage drivers side by side: apply, start, first write, work in a container, rmi, disk",
  onlyByName: true,
  async measure(bench) {
    const directory = join(bench.directory, "storage");
    mkdirSync(directory);
    bench.say("storage: building layers of this machine's files: a minute or two");
    const load = await makeLoad(directory, bench.isQuick ? 20 : 1);
    const results: Result[] = [];
    for (const pair of pairs.filter(({ tare }) => bench.drivers.includes(tare))) {
      const place = join(directory, pair.tare);
      mkdirSync(place);
      if (pair.on === "btrfs" && !mountBtrfs(bench, place, join(directory, "btrfs.disk"))) continue;
      results.push(...(await measurePair(bench, { pair, place, load })));
      if (pair.on === "btrfs") {
        runTimed(["umount", place]);
        rmSync(join(directory, "btrfs.disk"));
      }
    }
    rmSync(directory, { recursive: true, force: true });
    return results;
  },
};

interface Archive {
  readonly name: string;
  readonly path: string;
  readonly about: string;
}

interface Load {
  readonly large: Archive;
  /** The same in gzip. */
  readonly packed: Archive;
  readonly small: Archive;
  /** With file-io, its file and its archive in /. */
  readonly working: Archive & { readonly rootfs: string };
}

async function makeLoad(directory: string, share: number): Promise<Load> {
  const host = listHostFiles();
  const many = chooseFiles(host, { count: Math.round(9463 / share), bytes: 738e6 / share });
  const largePath = join(directory, "large.tar");
  const large = await buildFromHost(largePath, many);
  const packedPath = join(directory, "packed.gz");
  await buildFromHost(packedPath, many);
  const smallPath = join(directory, "small.tar");
  const small = await buildOfSmallFiles(smallPath, Math.round(100_000 / share));
  const rootfs = join(directory, "rootfs");
  mkdirSync(rootfs);
  const source = join(import.meta.dir, "..", "file-io.c");
  runTimed(["cc", "-O2", "-static", "-o", join(rootfs, "file-io"), source]);
  runTimed(["sh", "-c", `head -c ${Math.round(1024 / share + 64) << 20} /dev/urandom > ${rootfs}/large`]);
  const few = chooseFiles(host, { count: Math.round(3000 / share), bytes: 60e6 / share });
  await buildFromHost(join(rootfs, "small.tar"), few);
  const mb = Math.round(large.tarBytes / 1e6);
  return {
    large: pack(directory, "large", largePath, large.diffId, `a layer of ${mb} MB, ${large.files} files`),
    packed: pack(directory, "packed", packedPath, large.diffId, `the same, compressed with gzip`),
    small: pack(directory, "small", smallPath, small.diffId, `a layer of ${small.files} small files`),
    working: { name: "working", about: "", path: join(directory, "working-rootfs.tar"), rootfs },
  };
}

/** A docker-archive of one plain layer: every engine reads it, and nothing is inflated. */
function pack(directory: string, name: string, layer: string, diffId: string, about: string): Archive {
  const config = {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["/true"] },
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created_by: "bench" }],
  };
  const manifest = [{ Config: "config.json", RepoTags: [`${name}:latest`], Layers: [basename(layer)] }];
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeFileSync(join(directory, "manifest.json"), JSON.stringify(manifest));
  const path = join(directory, `${name}-archive.tar`);
  runTimed(["tar", "-C", directory, "-cf", path, "manifest.json", "config.json", basename(layer)]);
  rmSync(layer);
  return { name: `${name}:latest`, path, about };
}

function mountBtrfs({ say }: Bench, place: string, disk: string): boolean {
  if (findProgram("mkfs.btrfs") === undefined) {
    say("storage: btrfs is left out: apt-get install btrfs-progs");
    return false;
  }
  writeFileSync(disk, "");
  truncateSync(disk, 24e9);
  runTimed(["mkfs.btrfs", "-q", disk]);
  runTimed(["mount", "-o", "loop", disk, place]);
  return true;
}

interface Measured {
  readonly pair: (typeof pairs)[number];
  readonly place: string;
  readonly load: Load;
}

async function measurePair(bench: Bench, { pair, place, load }: Measured): Promise<readonly Result[]> {
  const { bed, isQuick, signal } = bench;
  bench.say(`storage: ${pair.tare}${pair.docker === undefined ? "" : ` beside Docker's ${pair.docker}`}`);
  await using stack = new AsyncDisposableStack();
  const opened: Engine[] = [];
  const open = async (
    driver: string | undefined,
    opener: (storage: StorageChoice) => Promise<Engine | Missing>,
  ): Promise<void> => {
    if (driver === undefined) return;
    const engine = await opener({ driver, directory: place });
    if ("missing" in engine) bench.say(`storage: ${engine.name}: ${engine.missing}`);
    else opened.push(stack.use(engine));
  };
  const wanted = (name: string): boolean => bench.engines.some((engine) => engine.name === name);
  if (wanted("tare")) await open(pair.tare, (choice) => openTare(bed, choice));
  if (wanted("docker")) await open(pair.docker, (choice) => openDocker(bed, choice));
  const engines = withContainers(opened);
  const rounds = { iterations: isQuick ? 1 : 3, warmups: 0, signal };
  const line = (about: string, unit: Unit, series: Series, native?: readonly number[]): Result => ({
    row: `${pair.tare}: ${about}`,
    unit,
    better: unit === "MB/s" ? "more" : "less",
    figures: {
      ...(native === undefined ? {} : { floor: figureOf(native) }),
      ...figures(series.map(({ subject, samples }) => [subject, samples])),
    },
  });
  const results: Result[] = [];

  for (const archive of [load.large, load.packed, load.small]) {
    const native = [archive === load.packed ? inflate(archive) : nativeApply(place, archive)];
    const removed: { subject: WithContainers; samples: number[] }[] = engines.map((subject) => ({
      subject,
      samples: [],
    }));
    // Docker takes a minute for as many files.
    const times = archive === load.small ? { ...rounds, iterations: 1 } : rounds;
    const applied = await interleave(engines, times, async ({ containers }) => {
      const { ms } = runTimed(containers.command("load", "-q", "-i", archive.path));
      const begun = performance.now();
      runTimed(containers.command("rmi", "-f", archive.name));
      await containers.settle();
      removed
        .find(({ subject }) => subject.containers === containers)
        ?.samples.push(performance.now() - begun);
      return ms;
    });
    results.push(line(`load of ${archive.about}`, "ms", applied, native));
    results.push(line(`rmi of ${archive.about}, until nothing is left to do`, "ms", removed));
  }

  const image = "working:latest";
  const { rootfs } = load.working;
  for (const { containers } of engines)
    importRootfs(bed.rootfs, rootfs, containers.command("import", "-", image));
  const started = await interleave(
    engines,
    { ...rounds, iterations: isQuick ? 2 : 10, warmups: 1 },
    (engine) => {
      const { containers } = engine;
      return runTimed(containers.command("run", "--rm", "--network", "none", image, "/bin/true")).ms;
    },
  );
  results.push(line("run --rm of an image of 1 GB", "ms", started));
  const plain = { base: bed.rootfs, rootfs, place };
  const { native, bare } = withPlainFiles(plain, (target) => ({
    native: nativeWork(target),
    bare: pair.tare === "overlay" ? bareOverlayWork(target, place) : undefined,
  }));
  const printed = new Map(engines.map((engine) => [engine, [] as ReadonlyMap<string, number>[]]));
  await interleave(engines, rounds, (engine) => {
    const { containers } = engine;
    const words = ["run", "--rm", "--network", "none", image, "/file-io", "/large", "/", "/small.tar"];
    const { stdout, ms } = runTimed(containers.command(...words), { capture: true });
    printed.get(engine)?.push(parseWork(stdout));
    return ms;
  });
  for (const { name, about, unit } of work) {
    const series = [...printed].map(([subject, runs]) => ({
      subject,
      samples: runs.map((run) => run.get(name) ?? Number.NaN),
    }));
    const floor = name === "first-write" ? undefined : [native.get(name) ?? Number.NaN];
    results.push(line(`in a container: ${about}`, unit, series, floor));
    if (bare !== undefined && throughBareOverlay.has(name)) {
      const bareFloor = [bare.get(name) ?? Number.NaN];
      results.push(line(`in a container, floor a bare overlay: ${about}`, unit, series, bareFloor));
    }
  }
  results.push(line("disk for a container, of 100", "KB", await disk(engines, place, isQuick ? 10 : 100)));
  return results;
}

type Series = readonly { readonly subject: Engine; readonly samples: readonly number[] }[];

/** Both trees as one layer, read from standard input. */
function importRootfs(base: string, more: string, command: readonly string[]): void {
  const quoted = command.map((word) => `'${word}'`).join(" ");
  runTimed(["sh", "-c", `tar -c -C ${base} . -C ${more} file-io large small.tar | ${quoted}`]);
}

/** Decompression alone. */
function inflate({ path }: Archive): number {
  return runTimed(["sh", "-c", `tar -xOf ${path} packed.gz | gzip -dc > /dev/null`]).ms;
}

/** Until it is on the disk, which engines see to as well. */
function nativeApply(place: string, archive: Archive): number {
  const target = join(place, "native");
  mkdirSync(target);
  const script = `tar -xOf ${archive.path} ${archive.name.replace(":latest", ".tar")} | tar -x -C ${target} && sync -f ${target}`;
  const { ms } = runTimed(["sh", "-c", script]);
  rmSync(target, { recursive: true });
  return ms;
}

/** The image's files as plain ones in a directory, for as long as `work` takes. */
function withPlainFiles<Outcome>(
  { base, rootfs, place }: { readonly base: string; readonly rootfs: string; readonly place: string },
  work: (target: string) => Outcome,
): Outcome {
  const target = join(place, "native");
  mkdirSync(target);
  runTimed(["sh", "-c", `cp -a ${base}/. ${rootfs}/. ${target} && sync -f ${target}`]);
  const outcome = work(target);
  rmSync(target, { recursive: true });
  return outcome;
}

/** The same program with the same tools, in a directory. */
function nativeWork(root: string): ReadonlyMap<string, number> {
  return parseWork(runTimed(["sh", "-c", workIn(root)], { capture: true }).stdout);
}

/** The same through an overlay above the directory that no engine has made. */
function bareOverlayWork(lower: string, place: string): ReadonlyMap<string, number> {
  const above = join(place, "above");
  const [upper, work, root] = ["upper", "work", "root"].map((name) => join(above, name));
  runTimed(["mkdir", "-p", `${upper}`, `${work}`, `${root}`]);
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const script = `mount -t overlay overlay -o ${options} ${root} && ${workIn(`${root}`)}`;
  // The mount goes with its namespace.
  const { stdout } = runTimed(["unshare", "--mount", "sh", "-c", script], { capture: true });
  rmSync(above, { recursive: true });
  return parseWork(stdout);
}

function workIn(root: string): string {
  return `chroot ${root} /file-io /large / /small.tar`;
}

function parseWork(text: string): ReadonlyMap<string, number> {
  return new Map(
    text
      .trim()
      .split("\n")
      .map((each) => each.split(" "))
      .map(([name = "", value]) => [name, Number(value)]),
  );
}

/** The free space that each of so many created but not started containers consumed. */
async function disk(engines: readonly WithContainers[], place: string, count: number): Promise<Series> {
  const series: { subject: Engine; samples: number[] }[] = [];
  for (const engine of engines) {
    const { containers } = engine;
    const ids: string[] = [];
    const before = freeBytes(place);
    for (let at = 0; at < count; at++) {
      const words = containers.command("create", "--network", "none", containers.image, "true");
      ids.push(runTimed(words, { capture: true }).stdout.trim());
    }
    series.push({ subject: engine, samples: [Math.max(0, before - freeBytes(place)) / 1024 / count] });
    runTimed(containers.remove(...ids));
    await containers.settle();
  }
  return series;
}

function freeBytes(place: string): number {
  runTimed(["sync", "-f", place]);
  const { bfree, bsize } = statfsSync(place);
  return bfree * bsize;
}
