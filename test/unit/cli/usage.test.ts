import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import type { ContainerSummary } from "../../../src/api/types/container.ts";
import type { ImageSummary } from "../../../src/api/types/image.ts";
import type { SystemUsage } from "../../../src/api/types/usage.ts";
import type { StoreUsage } from "../../../src/api/types/tare.ts";
import { Failure } from "../../../src/base/failure.ts";
import { runCommandLine } from "./command-line.ts";

const image = {
  Id: `sha256:${"a".repeat(64)}`,
  ParentId: "",
  RepoTags: ["app:1", "app:2"],
  RepoDigests: [],
  Created: 0,
  Size: 3_000_000,
  SharedSize: 1_000_000,
  Labels: null,
  Containers: 1,
} satisfies ImageSummary;
const container = {
  Id: "c".repeat(64),
  Names: ["/web"],
  Image: "app:1",
  ImageID: image.Id,
  Command: "serve",
  Created: 0,
  Ports: [],
  SizeRw: 2_000,
  SizeRootFs: 3_002_000,
  Labels: {},
  State: "running",
  Status: "Up",
  HostConfig: { NetworkMode: "none" },
  NetworkSettings: { Networks: {} },
  Mounts: [],
} satisfies ContainerSummary;
const usage: SystemUsage = {
  LayersSize: 8_000_000,
  Images: [image, { ...image, Id: `sha256:${"b".repeat(64)}`, RepoTags: [], Size: 6_000_000, Containers: 0 }],
  Containers: [container, { ...container, Id: "d".repeat(64), State: "exited", SizeRw: 6_000 }],
  Volumes: ["v", "w"].map((Name, index) => ({
    Name,
    Driver: "local",
    Mountpoint: `/${Name}`,
    Labels: null,
    Scope: "local" as const,
    Options: null,
    UsageData: { Size: 3_000 * (index + 1), RefCount: index },
  })),
  BuildCache: [],
};
/** As a daemon that is not ours. */
const system = {
  usage: async () => usage,
  storeUsage: () => Promise.reject(new Failure("not-found", "page not found")),
};
const store: StoreUsage = {
  Policy: "rebuild",
  TotalSize: 12_345,
  Kinds: [
    { Kind: "layers", Count: 2, Size: 8_000 },
    { Kind: "dropped-blobs", Count: 1, Size: 300 },
    { Kind: "records", Count: 0, Size: 4_045 },
  ],
  Rebuildable: { Count: 1, Size: 2_000 },
  Refetchable: { Count: 0, Size: 0 },
};
const ours = { ...system, storeUsage: async () => store };

async function run(argv: readonly string[], client: object, answer = ""): ReturnType<typeof runCommandLine> {
  const stdin = new PassThrough();
  stdin.end(answer);
  return await runCommandLine(argv, { client, stdin });
}

describe("system df", () => {
  test("shows a row each kind and what of it nothing that runs needs", async () => {
    expect((await run(["system", "df"], { system })).out).toBe(
      `TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE
Images          2         1         8MB       6MB (75%)
Containers      2         1         8kB       6kB (75%)
Local Volumes   2         1         9kB       3kB (33%)
Build Cache     0         0         0B        0B
`,
    );
  });

  test("of our daemon also shows the data root by kind, with -v to the byte", async () => {
    const lines = async (...argv: readonly string[]): Promise<readonly string[]> =>
      (await run(["system", "df", ...argv], { system: ours })).out
        .split("\n")
        .map((line) => line.trimEnd().replaceAll(/ {2,}/g, "|"));
    expect((await lines()).slice(-7)).toEqual([
      "",
      "ON DISK|COUNT|SIZE|NOTE",
      "Unpacked layers|2|8kB",
      "Records of dropped blobs|1|300B|2kB can be rebuilt",
      "Records and reserve|4.045kB",
      "Total|12.35kB",
      "",
    ]);
    const exact = await lines("-v");
    expect(exact).toContain("On the disk (blob policy rebuild):");
    expect(exact).toContain("Total|12.35kB|12345");
    expect((await lines("--format", "{{.Type}}")).slice(-2)).toEqual(["Build Cache", ""]);
    const json = await lines("-v", "--format", "json");
    expect((JSON.parse(json.join("")) as { Store: unknown }).Store).toEqual(store);
  });

  test("takes templates and json", async () => {
    const { out } = await run(["system", "df", "--format", "{{.Type}}={{.Active}}"], { system });
    expect(out).toBe("Images=1\nContainers=1\nLocal Volumes=1\nBuild Cache=0\n");
    const json = await run(["system", "df", "-v", "--format", "json"], { system });
    const value = JSON.parse(json.out) as Record<string, readonly Record<string, unknown>[]>;
    expect(Object.keys(value)).toEqual(["Images", "Containers", "Volumes", "BuildCache"]);
    expect(value["Images"]?.[0]).toMatchObject({ ID: image.Id, UniqueSize: "2MB", Tag: "1" });
    expect((await run(["system", "df", "--format", "{{.Foo"], { system })).status).toBe(1);
  });

  test("-v lists what takes the space, each image once and containers without their images", async () => {
    const { out } = await run(["system", "df", "-v"], { system });
    const lines = out
      .split("\n")
      .map((line) => line.replaceAll(/ {2,}/g, "|").replaceAll(/\d+ years ago/g, "long"));
    expect(lines.slice(0, 9)).toEqual([
      "Images space usage:",
      "",
      "REPOSITORY|TAG|IMAGE ID|CREATED|SIZE|SHARED SIZE|UNIQUE SIZE|CONTAINERS",
      "app|1|aaaaaaaaaaaa|long|3MB|1MB|2MB|1",
      "<none>|<none>|bbbbbbbbbbbb|long|6MB|1MB|5MB|0",
      "",
      "Containers space usage:",
      "",
      "CONTAINER ID|IMAGE|COMMAND|LOCAL VOLUMES|SIZE|CREATED|STATUS|NAMES",
    ]);
    expect(lines[9]).toBe('cccccccccccc|app:1|"serve"|0|2kB|long|Up|web');
    expect(lines.slice(11, 18)).toEqual([
      "",
      "Local Volumes space usage:",
      "",
      "VOLUME NAME|LINKS|SIZE",
      "v|0|3kB",
      "w|1|6kB",
      "",
    ]);
    expect(out).toContain("Build cache usage: 0B");
  });
});

describe("prune", () => {
  const asked: unknown[] = [];
  const client = {
    containers: {
      prune: async (filters: unknown) => {
        asked.push(filters);
        return { ContainersDeleted: ["c1", "c2"], SpaceReclaimed: 1_500 };
      },
    },
    networks: {
      prune: async (filters: unknown) => {
        asked.push(filters);
        return { NetworksDeleted: ["n1"] };
      },
    },
    volumes: {
      prune: async (filters: unknown) => {
        asked.push(filters);
        return { VolumesDeleted: ["v1"], SpaceReclaimed: 3_000 };
      },
    },
    images: {
      prune: async (filters: unknown) => {
        asked.push(filters);
        return { ImagesDeleted: [{ Untagged: "a:1" }, { Deleted: "sha256:1" }], SpaceReclaimed: 500 };
      },
    },
    builds: {
      prune: async (options: unknown) => {
        asked.push(options);
        return { CachesDeleted: ["b1"], SpaceReclaimed: 2_000 };
      },
    },
  };
  const containersText = "Deleted Containers:\nc1\nc2\n\n";
  const networksText = "Deleted Networks:\nn1\n\n";
  const cacheText = "Deleted build cache objects:\nb1\n\n";
  const imagesText = "Deleted Images:\nuntagged: a:1\ndeleted: sha256:1\n\n";

  test.each(["", "\n", "n\n", "yes\n", "Yikes\n", "\ny\n"])("asks, and %p is no", async (answer) => {
    asked.length = 0;
    const { out, status } = await run(["container", "prune"], client, answer);
    expect(out).toBe(
      "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ",
    );
    expect(status).toBe(0);
    expect(asked).toEqual([]);
  });

  test.each(["y\n", "Y", "  y \nmore\n"])("asks, and %p is yes", async (answer) => {
    const { out } = await run(["container", "prune"], client, answer);
    expect(out).toEndWith(`[y/N] ${containersText}Total reclaimed space: 1.5kB\n`);
  });

  test("image prune says what it will take", async () => {
    expect((await run(["image", "prune"], client)).out).toStartWith(
      "WARNING! This will remove all dangling images.\n",
    );
    expect((await run(["image", "prune", "-a"], client)).out).toStartWith(
      "WARNING! This will remove all images without at least one container associated to them.\n",
    );
    asked.length = 0;
    const { out } = await run(["image", "prune", "-af", "--filter", "until=1h"], client);
    expect(out).toBe(`${imagesText}Total reclaimed space: 500B\n`);
    expect(asked).toEqual([{ until: ["1h"], dangling: ["false"] }]);
  });

  test("system prune says what it will take, then takes containers before images", async () => {
    const { out } = await run(["system", "prune", "--filter", "label=b", "--filter", "label!=a"], client);
    expect(out).toBe(`WARNING! This will remove:
  - all stopped containers
  - all networks not used by at least one container
  - all dangling images
  - unused build cache

  Items to be pruned will be filtered with:
  - label!=a
  - label=b

Are you sure you want to continue? [y/N] `);
    asked.length = 0;
    expect((await run(["system", "prune", "-f"], client)).out).toBe(
      `${containersText}${networksText}${imagesText}${cacheText}Total reclaimed space: 4kB\n`,
    );
    expect(asked).toEqual([{}, {}, { dangling: ["true"] }, { all: false, filters: {} }]);
    asked.length = 0;
    expect((await run(["system", "prune", "-af", "--volumes", "--filter", "label=a"], client)).out).toBe(
      `${containersText}${networksText}Deleted Volumes:\nv1\n\n${imagesText}Total reclaimed space: 5kB\n`,
    );
    expect(asked).toEqual([
      { label: ["a"] },
      { label: ["a"] },
      { label: ["a"] },
      { label: ["a"], dangling: ["false"] },
    ]);
    expect((await run(["system", "prune", "--volumes"], client)).out).toContain(
      "container\n  - all anonymous volumes not used by at least one container\n  - all dangling",
    );
    expect(await run(["system", "prune", "-f", "--volumes", "--filter", "until=1h"], client)).toMatchObject({
      status: 1,
      err: 'tare: ERROR: The "until" filter is not supported with "--volumes"\n',
    });
  });
});
