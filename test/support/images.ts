import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Digest, digestOf, hexOf } from "../../src/spec/digest.ts";
import { mediaTypes } from "../../src/spec/image/manifest.ts";
import { hostPlatform } from "../../src/spec/platform.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../src/spec/tar-writer.ts";

/** Contents, or where a symbolic link points. */
export type Contents = string | Uint8Array | { readonly link: string };

/** An archive of these members, in this order. */
export function tarOf(members: Iterable<readonly [path: string, contents: Contents]>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [path, contents] of members) {
    if (typeof contents === "object" && "link" in contents) {
      parts.push(encodeTarMember({ path, type: "symlink", linkName: contents.link, mode: 0o777 }));
      continue;
    }
    const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
    parts.push(
      encodeTarMember({
        path,
        type: path.endsWith("/") ? "directory" : "file",
        size: bytes.length,
        mode: 0o755,
      }),
    );
    parts.push(bytes, new Uint8Array(tarPadding(bytes.length)));
  }
  return Buffer.concat([...parts, encodeTarEnd()]);
}

export type LayerCompression = "plain" | "gzip" | "zstd";

const compress: Readonly<Record<LayerCompression, (bytes: Uint8Array) => Uint8Array>> = {
  plain: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes, { level: 1 }),
  zstd: (bytes) => zstdCompressSync(bytes),
};
const layerTypes: Readonly<Record<LayerCompression, string>> = {
  plain: mediaTypes.layerTar,
  gzip: mediaTypes.layerGzip,
  zstd: mediaTypes.layerZstd,
};

export interface TestImage {
  /** Uncompressed tars, the lowest first. */
  readonly layers: readonly Uint8Array[];
  readonly names?: readonly string[];
  /** The `config` member: Cmd, Env … */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  /** In place of the right ones. */
  readonly diffIds?: readonly string[];
}

export function configOf({ layers, config = {}, architecture, diffIds }: TestImage): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      architecture: architecture ?? hostPlatform().architecture,
      os: "linux",
      created: "2024-01-31T12:00:00Z",
      config,
      rootfs: { type: "layers", diff_ids: diffIds ?? layers.map((layer) => digestOf(layer)) },
      history: layers.map(() => ({ created_by: "test" })),
    }),
  );
}

/** As docker save writes it: "old" until 24 (`<id>/layer.tar`), "new" since 25 (an OCI layout in addition). */
export function dockerArchiveMembers(
  images: readonly TestImage[],
  {
    layout = "old",
    compression = "plain",
  }: { readonly layout?: "old" | "new"; readonly compression?: LayerCompression } = {},
): [string, Contents][] {
  const members = new Map<string, Contents>();
  const manifest = images.map((image) => {
    const config = configOf(image);
    const configPath = layout === "old" ? `${hexOf(digestOf(config))}.json` : blobPath(digestOf(config));
    const paths = image.layers.map((tar) => {
      const bytes = compress[compression](tar);
      const path =
        layout === "old"
          ? `${hexOf(digestOf(tar, "sha256")).slice(0, 64)}/layer.tar`
          : blobPath(digestOf(bytes));
      members.set(path, bytes);
      if (layout === "old") members.set(path.replace("layer.tar", "VERSION"), "1.0");
      return path;
    });
    members.set(configPath, config);
    return { Config: configPath, RepoTags: image.names ?? null, Layers: paths };
  });
  members.set("manifest.json", JSON.stringify(manifest));
  if (layout === "new") {
    for (const [path, contents] of ociMembers(images, { compression })) members.set(path, contents);
  } else {
    members.set("repositories", "{}");
  }
  return [...members];
}

/** An OCI layout; with `perPlatform` all images are behind one index, the first one's name on it. */
export function ociMembers(
  images: readonly TestImage[],
  {
    compression = "plain",
    perPlatform = false,
    layerType = layerTypes[compression],
    pack = compress[compression],
  }: {
    readonly compression?: LayerCompression;
    readonly perPlatform?: boolean;
    readonly layerType?: string;
    /** In place of the usual level. */
    readonly pack?: (tar: Uint8Array) => Uint8Array;
  } = {},
): [string, Contents][] {
  const members = new Map<string, Contents>([["oci-layout", '{"imageLayoutVersion":"1.0.0"}']]);
  const add = (bytes: Uint8Array, mediaType: string): { mediaType: string; digest: Digest; size: number } => {
    members.set(blobPath(digestOf(bytes)), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const addJson = (value: unknown, mediaType: string) =>
    add(new TextEncoder().encode(JSON.stringify(value)), mediaType);
  const entries = images.map((image) => {
    const config = add(configOf(image), mediaTypes.config);
    const layers = image.layers.map((tar) => add(pack(tar), layerType));
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers };
    return { image, descriptor: addJson(manifest, mediaTypes.manifest) };
  });
  const named = (image: TestImage | undefined, descriptor: object): object[] =>
    (image?.names ?? [undefined]).map((name) => ({
      ...descriptor,
      ...(name === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": name } }),
    }));
  const platforms = entries.map(({ image, descriptor }) => ({
    ...descriptor,
    platform: { os: "linux", architecture: image.architecture ?? hostPlatform().architecture },
  }));
  const manifests = perPlatform
    ? named(
        images[0],
        addJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: platforms }, mediaTypes.index),
      )
    : entries.flatMap(({ image, descriptor }) => named(image, descriptor));
  members.set("index.json", JSON.stringify({ schemaVersion: 2, manifests }));
  return [...members];
}

function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

export const testCache: string = join(tmpdir(), "tare-test-cache");

export type ArchiveFormat = "docker" | "oci-gzip" | "oci-zstd";

/**
 * The path of an archive with the image `busybox:latest` of one layer, made from Debian's busybox-static, which is
 * fetched but not installed; kept in the cache for the next test.
 */
export function busyboxArchive(format: ArchiveFormat = "docker"): string {
  return cached(`busybox-${format}.tar`, () => {
    const layers = [readFileSync(cached("busybox-rootfs.tar", busyboxRootfs))];
    const image: TestImage = {
      layers,
      names: ["busybox:latest"],
      config: { Cmd: ["sh"], Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] },
    };
    if (format === "docker") return tarOf(dockerArchiveMembers([image]));
    return tarOf(ociMembers([image], { compression: format === "oci-gzip" ? "gzip" : "zstd" }));
  });
}

/** The same as one tar of the root file system, for import. */
export function busyboxRootfsTar(): string {
  return cached("busybox-rootfs.tar", busyboxRootfs);
}

/**
 * As busyboxArchive(), the image `debian:latest`, with systemd; undefined where mmdebstrap isn't installed. Takes a
 * minute at first.
 */
export function debianArchive(): string | undefined {
  if (!existsSync("/usr/bin/mmdebstrap")) return undefined;
  return cached("debian-systemd.tar", () => {
    const options = { maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"] };
    const rootfs = execFileSync(
      "mmdebstrap",
      ["--variant=minbase", "--include=systemd-sysv", "--mode=root", "--format=tar", "trixie", "-"],
      options,
    );
    const image = { layers: [rootfs], names: ["debian:latest"], config: { Cmd: ["bash"] } };
    return tarOf(dockerArchiveMembers([image], { layout: "new" }));
  });
}

/** Debian's package of busybox, as `apt-get download` fetches it. */
export function busyboxPackage(): string {
  return cached("busybox-static.deb", () => {
    const work = mkdtempSync(join(testCache, "work-"));
    try {
      // If apt's own user may not write there, apt fetches as root and prints a message.
      execFileSync("apt-get", ["download", "busybox-static"], { cwd: work, stdio: "ignore" });
      const [file = ""] = readdirSync(work);
      return readFileSync(join(work, file));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

function busyboxRootfs(): Buffer {
  const file = busyboxPackage();
  const work = mkdtempSync(join(testCache, "work-"));
  try {
    execFileSync("dpkg-deb", ["-x", file, join(work, "deb")]);
    const program = ["usr/bin/busybox", "bin/busybox"]
      .map((path) => join(work, "deb", path))
      .find(existsSync);
    if (program === undefined) throw new Error(`there is no busybox in ${file}`);
    const root = join(work, "rootfs");
    const directories = [
      "bin",
      "sbin",
      "usr/bin",
      "usr/sbin",
      "etc",
      "dev",
      "proc",
      "sys",
      "root",
      "home",
      "var/log",
      "run",
      "tmp",
    ];
    for (const directory of directories) mkdirSync(join(root, directory), { recursive: true });
    chmodSync(root, 0o755);
    chmodSync(join(root, "tmp"), 0o1777);
    chmodSync(join(root, "root"), 0o700);
    copyFileSync(program, join(root, "bin/busybox"));
    chmodSync(join(root, "bin/busybox"), 0o755);
    for (const applet of execFileSync(program, ["--list-full"], { encoding: "utf8" }).trim().split("\n")) {
      if (existsSync(join(root, applet))) continue;
      mkdirSync(join(root, dirname(applet)), { recursive: true });
      symlinkSync("/bin/busybox", join(root, applet));
    }
    writeFileSync(
      join(root, "etc/passwd"),
      "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\nuser:x:1000:1000::/home:/bin/sh\n",
    );
    writeFileSync(join(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\nuser:x:1000:\nextra:x:2000:user\n");
    const options = ["--numeric-owner", "--owner=0", "--group=0", "--mtime=@1700000000", "--sort=name"];
    return execFileSync("tar", [...options, "-C", root, "-cf", "-", "."], { maxBuffer: 1 << 28 });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Made aside and renamed, so that tests in other processes see all of it or nothing. */
function cached(name: string, make: () => Uint8Array): string {
  const path = join(testCache, name);
  if (existsSync(path)) return path;
  mkdirSync(testCache, { recursive: true });
  const bytes = make();
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
  return path;
}
