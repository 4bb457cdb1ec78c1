import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure, type FailureKind } from "../../../src/base/failure.ts";
import { type ContentStore, openContentStore } from "../../../src/image/content-store.ts";
import { Downloads } from "../../../src/image/downloads.ts";
import { pullImage } from "../../../src/image/pull.ts";
import { Registries } from "../../../src/image/registries.ts";
import { parseReference } from "../../../src/spec/reference.ts";
import { tarOf } from "../../support/images.ts";
import { MemorySink } from "../../support/memory-sink.ts";
import {
  blobRequests,
  bulkLayer,
  isBlobRequest,
  type PlacedImage,
  placeImage,
} from "../../support/registry-images.ts";
import { type Fault, type SeenRequest, TestRegistry } from "../../support/test-registry.ts";

let directory: string;
let count = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tare-pull-faults-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A store, what pulls into it share, and a registry. */
class Place implements AsyncDisposable {
  readonly registry: TestRegistry;
  readonly store: ContentStore;
  readonly root: string;
  readonly sink: MemorySink = new MemorySink();
  readonly downloads: Downloads = new Downloads();
  readonly registries: Registries;

  private constructor(
    registry: TestRegistry,
    { store, root, idleMs }: { store: ContentStore; root: string; idleMs: number },
  ) {
    this.registry = registry;
    this.store = store;
    this.root = root;
    this.registries = new Registries({ idleMs });
  }

  /** `idleMs`: how long the registry may be silent. A busy machine is silent for a while, too. */
  static async make({ idleMs = 20_000 }: { readonly idleMs?: number } = {}): Promise<Place> {
    const root = join(directory, String(count++));
    const registry = await TestRegistry.start();
    return new Place(registry, { root, store: await openContentStore(root), idleMs });
  }

  async pull({ name }: PlacedImage): Promise<void> {
    const { registries, store, sink, downloads } = this;
    const progress = pullImage(parseReference(name), { registries, store, sink, downloads });
    for await (const each of progress) void each;
  }

  async fail(image: PlacedImage): Promise<Failure> {
    const thrown: unknown = await this.pull(image).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(thrown instanceof Failure)) throw new Error(`no failure, but ${String(thrown)}`);
    return thrown;
  }

  /** Bytes of blobs that wait for the rest. */
  partialBytes(): number {
    const partial = join(this.root, "content/partial");
    return readdirSync(partial).reduce((sum, name) => sum + statSync(join(partial, name)).size, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.registries[Symbol.dispose]();
    await this.registry[Symbol.asyncDispose]();
  }
}

interface Misdeed {
  readonly what: string;
  /** Of each request for the layer. */
  readonly fault: (image: PlacedImage, registry: TestRegistry) => Fault;
  readonly kind: FailureKind;
  readonly says: RegExp;
  readonly idleMs?: number;
}

const megabyte = 1024 * 1024;
const misdeeds: readonly Misdeed[] = [
  {
    what: "lies about what a digest stands for",
    fault: (image, registry) => ({
      kind: "lie",
      bytes: Buffer.alloc(registry.blobs.get(image.layers[0] ?? "")?.length ?? 0, 7),
    }),
    kind: "corrupt",
    says: /^cannot (store|unpack|decompress|read)/,
  },
  {
    what: "announces another size than the manifest",
    fault: () => ({ kind: "lie", bytes: Buffer.alloc(8 * megabyte) }),
    kind: "corrupt",
    says: /^cannot use blob sha256:[0-9a-f]{64}: 127\.0\.0\.1:\d+ sends more than the \d+ bytes announced$/,
  },
  {
    what: "sends more than it announced",
    fault: () => ({ kind: "more", bytes: Buffer.alloc(1000) }),
    kind: "corrupt",
    says: /sends more than the \d+ bytes announced$/,
  },
  {
    what: "stalls",
    fault: () => ({ kind: "stall", afterBytes: 0 }),
    kind: "unavailable",
    says: /^cannot go on with 127\.0\.0\.1:\d+: nothing came for 1 s$/,
    idleMs: 1_000,
  },
  {
    what: "cuts the connection",
    fault: () => ({ kind: "cut", afterBytes: 0 }),
    kind: "unavailable",
    says: /^cannot (read all of|reach) .*(cut off|closed the connection)/,
  },
  {
    what: "redirects in circles",
    fault: (image, registry) => ({
      kind: "redirect",
      to: `${registry.origin}/v2/thing/blobs/${image.layers[0]}?again`,
    }),
    kind: "corrupt",
    says: /^cannot follow 127\.0\.0\.1:\d+: it redirects in circles/,
  },
  {
    what: "redirects to what is no web address",
    fault: () => ({ kind: "redirect", to: "file:///etc/shadow" }),
    kind: "corrupt",
    says: /^cannot follow 127\.0\.0\.1:\d+: it redirects to file:\/\/, unencrypted$/,
  },
  {
    what: "answers 500",
    fault: () => ({ kind: "status", status: 500, headers: { "Retry-After": "0" }, body: "<html>oops" }),
    kind: "unavailable",
    says: /^127\.0\.0\.1:\d+: it answered 500$/,
  },
  {
    what: "does not have the blob",
    fault: () => ({ kind: "status", status: 404 }),
    kind: "not-found",
    says: /^127\.0\.0\.1:\d+: it answered 404$/,
  },
];

describe("pullImage() from a registry that", () => {
  for (const { what, fault, kind, says, idleMs } of misdeeds) {
    test.concurrent(`${what} says so, names no image, and brings it when that is over`, async () => {
      await using place = await Place.make(idleMs === undefined ? {} : { idleMs });
      const { registry } = place;
      const image = placeImage(registry, {
        repository: "thing",
        layers: [bulkLayer(1), tarOf([["a", "b"]])],
      });
      const isFirst = ({ url }: SeenRequest): boolean => url.includes(image.layers[0] ?? "none");
      registry.fault = (seen) => (isFirst(seen) ? fault(image, registry) : undefined);
      const failure = await place.fail(image);
      expect(failure.message).toMatch(says);
      expect(failure.kind).toBe(kind);
      expect(place.sink.images).toEqual([]);
      const kept = place.partialBytes();
      registry.fault = undefined;
      const before = registry.sentBlobBytes;
      await place.pull(image);
      expect(place.sink.images).toHaveLength(1);
      // Nothing of what was kept comes again, and nothing wrong was kept.
      expect(registry.sentBlobBytes - before).toBeLessThanOrEqual(image.blobBytes - kept);
      expect(place.partialBytes()).toBe(0);
    });
  }

  test.concurrent("dies in the middle leaves what came, also for another life of the store", async () => {
    await using place = await Place.make();
    const { registry, sink } = place;
    const image = placeImage(registry, { repository: "thing", layers: [bulkLayer(4)] });
    let requests = 0;
    registry.fault = (seen) => {
      if (!isBlobRequest(seen) || !seen.url.includes(image.layers[0] ?? "")) return undefined;
      return requests++ === 0
        ? { kind: "cut", afterBytes: 3 * megabyte }
        : { kind: "status", status: 403, body: '{"errors":[{"code":"DENIED","message":"closed"}]}' };
    };
    const failure = await place.fail(image);
    expect([failure.kind, failure.message]).toEqual([
      "not-permitted",
      expect.stringMatching(/^127\.0\.0\.1:\d+: denied: closed$/),
    ]);
    const kept = place.partialBytes();
    expect(kept).toBeGreaterThan(megabyte);
    registry.fault = undefined;
    const before = registry.sentBlobBytes;
    const { registries, downloads } = place;
    const store = await openContentStore(place.root);
    for await (const _ of pullImage(parseReference(image.name), { registries, store, sink, downloads }))
      void _;
    const [layer = ""] = image.layers;
    const size = registry.blobs.get(layer)?.length ?? 0;
    expect(registry.sentBlobBytes - before).toBe(size - kept);
    expect(await store.find(layer as Parameters<ContentStore["find"]>[0])).toMatchObject({ size });
  });

  test.concurrent("gives a manifest that is too long, or is two things at once, is refused", async () => {
    await using place = await Place.make();
    const { registry } = place;
    const image = placeImage(registry, { repository: "thing", layers: [tarOf([["a", "b"]])] });
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    registry.addManifest("thing", "long", { mediaType, bytes: Buffer.alloc(4 * megabyte + 1, " ") });
    const both = { ...JSON.parse(String(registry.manifests.get("thing 1")?.bytes)), manifests: [] };
    registry.addManifest("thing", "both", { mediaType, bytes: Buffer.from(JSON.stringify(both)) });
    const long = await place.fail({ ...image, name: image.name.replace(/1$/, "long") });
    expect([long.kind, long.message]).toEqual([
      "corrupt",
      expect.stringContaining("longer than 4194304 bytes"),
    ]);
    const two = await place.fail({ ...image, name: image.name.replace(/1$/, "both") });
    expect([two.kind, two.message]).toEqual([
      "invalid",
      expect.stringMatching(/manifest.*index|index.*manifest/),
    ]);
    registry.fault = ({ url }) =>
      url.includes("/manifests/") ? { kind: "lie", bytes: Buffer.from('{"schemaVersion":2}') } : undefined;
    const other = await place.fail({ ...image, name: image.name.replace(/:1$/, `@${image.manifest}`) });
    expect([other.kind, other.message]).toEqual([
      "corrupt",
      expect.stringMatching(/^cannot use manifest sha256:.* sent one with digest sha256:/),
    ]);
    expect(place.sink.images).toEqual([]);
  });
});

describe("pulls at once", () => {
  test("ask for each blob once, config and layers, whatever they have in common", async () => {
    await using place = await Place.make();
    const { registry } = place;
    const [one, two, three] = [bulkLayer(1), bulkLayer(1), tarOf([["three", "3"]])];
    const images = [
      placeImage(registry, { repository: "a", layers: [one, two] }),
      placeImage(registry, { repository: "b", layers: [one, three] }),
      placeImage(registry, { repository: "c", layers: [two, one, three] }),
    ];
    await Promise.all([...images, ...images].map((image) => place.pull(image)));
    const counts = blobRequests(registry);
    expect(new Set(counts.keys())).toEqual(
      new Set(images.flatMap(({ layers, config }) => [...layers, config])),
    );
    expect([...counts.values()].filter((times) => times !== 1)).toEqual([]);
    expect(place.sink.asked.toSorted()).toEqual([...place.sink.layers.keys()].toSorted());
  });
});
