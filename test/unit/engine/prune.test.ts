import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { pruneImages } from "../../../src/engine/images/prune.ts";
import { findFlag, pruneFilter } from "../../../src/engine/prune-filters.ts";
import { openState, type State } from "../../../src/engine/state/state.ts";
import type { ImageRecord } from "../../../src/engine/state/records.ts";
import { type Digest, digestOf } from "../../../src/spec/digest.ts";
import { startEngine } from "../../../src/engine/local-engine.ts";
import { Scratch } from "../../support/scratch.ts";
import { FakeWorld } from "./fake-dependencies.ts";
import { imageOf, recordOf } from "./state-records.ts";
import { asId } from "../../support/ids.ts";

describe("pruneFilter()", () => {
  const nowMs = Date.UTC(2026, 0, 2);
  const old = { createdAt: Date.UTC(2026, 0, 1), labels: { keep: "1", team: "a" } };
  const fresh = { createdAt: nowMs - 1000, labels: {} };

  test.each([
    [{}, true, true],
    [{ until: ["1h"] }, true, false],
    [{ until: ["2026-01-01T00:00:00Z"] }, true, false],
    [{ until: ["2025-12-31T23:59:59Z"] }, false, false],
    [{ until: [String(nowMs / 1000)] }, true, true],
    [{ label: ["keep"] }, true, false],
    [{ label: ["keep=2"] }, false, false],
    [{ label: ["keep=1", "team=a"] }, true, false],
    [{ label: ["keep=1", "team=b"] }, false, false],
    [{ "label!": ["keep"] }, false, true],
    [{ "label!": ["keep=2"] }, true, true],
    [{ label: ["team"], "label!": ["keep"] }, false, false],
  ])("of %p", (filters, takesOld, takesFresh) => {
    const isMeant = pruneFilter(filters as Record<string, string[]>, { nowMs });
    expect([isMeant(old), isMeant(fresh)]).toEqual([takesOld, takesFresh]);
  });

  test.each([
    [{ name: ["x"] }, "invalid filter 'name'"],
    [{ constructor: ["x"] }, "invalid filter 'constructor'"],
    [{ until: ["1h", "2h"] }, "more than one until filter specified"],
    [{ until: ["soon"] }, 'cannot read time "soon"'],
  ])("refuses %p", (filters, sentence) => {
    expect(() => pruneFilter(filters as unknown as Record<string, string[]>)).toThrow(sentence);
  });

  test("findFlag() takes Go's truths and refuses a contradiction", () => {
    expect(findFlag({}, "dangling")).toBeUndefined();
    expect(findFlag({ dangling: ["1", "true"] }, "dangling")).toBe(true);
    expect(findFlag({ dangling: ["F"] }, "dangling")).toBe(false);
    expect(() => findFlag({ dangling: ["1", "0"] }, "dangling")).toThrow("invalid filter 'dangling=[1 0]'");
  });
});

describe("pruneImages()", () => {
  let scratch: Scratch;
  let state: State;
  beforeEach(() => {
    scratch = new Scratch("prune-unit");
    state = openState(scratch.path);
  });
  afterEach(() => {
    state[Symbol.dispose]();
    scratch[Symbol.dispose]();
  });

  const layers = ["one", "two", "three"].map((name) => digestOf(name));
  const withLayers = (number: number, diffIds: readonly Digest[]): ImageRecord => {
    const record = imageOf(number);
    return { ...record, config: { ...record.config, diffIds }, layerBytes: diffIds.map(() => 100) };
  };
  const prune = (options: Partial<Parameters<typeof pruneImages>[1]> = {}): ReturnType<typeof pruneImages> =>
    pruneImages(state, { all: false, filters: {}, isPinned: () => false, ...options });

  test("takes those without a name, and of their layers those that nobody else has", () => {
    const [named, nameless] = [withLayers(1, layers.slice(0, 2)), withLayers(2, layers.slice(1))];
    state.putImages([named, nameless], [["docker.io/library/a:1", named.id]]);
    expect(prune()).toEqual({
      removed: [{ deleted: nameless.id }, { deleted: layers[2] as Digest }],
      freedBytes: 100,
    });
    expect(state.images()).toEqual([named]);
    expect(prune()).toEqual({ removed: [], freedBytes: 0 });
  });

  test("with all, or dangling=false, takes those with names, but none that is or is about to be used", () => {
    const records = [1, 2, 3].map((number) => withLayers(number, layers.slice(number - 1, number)));
    const [used, pinned, free] = records as [ImageRecord, ImageRecord, ImageRecord];
    const reference = "docker.io/library/a:";
    state.putImages(
      records,
      records.flatMap(({ id }, index) => [
        [`${reference}${index}`, id] as const,
        [`${reference}${index}-too`, id] as const,
      ]),
    );
    state.putContainer(recordOf(1, { imageId: used.id }));
    const isPinned = (id: Digest): boolean => id === pinned.id;
    expect(prune({ isPinned })).toEqual({ removed: [], freedBytes: 0 });
    expect(prune({ filters: { dangling: ["false"] }, isPinned })).toEqual({
      removed: [
        { untagged: "a:2" },
        { untagged: "a:2-too" },
        { deleted: free.id },
        { deleted: layers[2] as Digest },
      ],
      freedBytes: 100,
    });
    expect(prune({ all: true, isPinned }).removed).toEqual([]);
    expect(state.images().map(({ id }) => id)).toEqual([used.id, pinned.id]);
  });

  test("looks at labels and times, and tells events", () => {
    const labeled = imageOf(1);
    const defaults = { ...labeled.config.defaults, labels: { keep: "" } };
    state.putImages([{ ...labeled, config: { ...labeled.config, defaults } }, imageOf(2)], []);
    expect(prune({ filters: { until: ["1970-01-01T00:00:00Z"] } }).removed).toEqual([]);
    expect(prune({ filters: { "label!": ["keep"] } }).removed).toEqual([{ deleted: imageOf(2).id }]);
    expect(() => prune({ filters: { name: ["x"] } })).toThrow("invalid filter 'name'");
  });
});

describe("an engine", () => {
  let world: FakeWorld;
  let scratch: Scratch;
  beforeEach(() => {
    scratch = new Scratch("prune-engine");
    world = new FakeWorld(scratch.path);
  });
  afterEach(() => scratch[Symbol.dispose]());

  test("prunes no image of which a container is just being made, and prune() of containers leaves those that run", async () => {
    await using engine = await startEngine(await world.parts());
    const creations = Array.from({ length: 8 }, () => engine.containers.create({ image: "hello" }));
    const prunes = Array.from({ length: 8 }, () => engine.images.prune({ all: true }));
    const made = await Promise.all(creations);
    await Promise.all(prunes);
    const image = await engine.images.inspect("hello");
    expect(image.containers).toBe(8);
    await engine.containers.start(made[0]?.id ?? "");
    const pruned = await Promise.all([engine.containers.prune(), engine.containers.prune()]);
    const removed = pruned.flatMap((each) => each.removed);
    expect(removed.toSorted()).toEqual(
      made
        .slice(1)
        .map(({ id }) => id)
        .toSorted(),
    );
    expect((await engine.containers.list({ all: true })).map(({ id }) => id)).toEqual([
      asId(made[0]?.id ?? ""),
    ]);
    await expect(engine.containers.prune({ filters: { dangling: ["1"] } })).rejects.toMatchObject({
      kind: "invalid",
    });
  });

  test("diskUsage() counts shared layers once and leaves out what was not asked for", async () => {
    await using engine = await startEngine(await world.parts());
    const { id } = await engine.containers.create({ image: "hello" });
    await engine.images.tag("hello", "other:1");
    const usage = await engine.diskUsage();
    const [image] = usage.images ?? [];
    expect(usage.layersBytes).toBe(image?.sizeBytes ?? -1);
    expect(image?.sharedBytes).toBe(0);
    expect(usage.containers?.map((each) => [each.id, each.sizes])).toEqual([
      [id, { writtenBytes: 1, rootBytes: (image?.sizeBytes ?? 0) + 1 }],
    ]);
    expect(Object.keys(await engine.diskUsage({ kinds: ["image"] }))).toEqual(["layersBytes", "images"]);
    expect(Object.keys(await engine.diskUsage({ kinds: ["volume"] }))).toEqual(["layersBytes", "volumes"]);
    expect(Object.keys(await engine.diskUsage({ kinds: [] }))).toEqual(["layersBytes"]);
    const abort = new AbortController();
    abort.abort(new Error("enough"));
    await expect(engine.diskUsage({ signal: abort.signal })).rejects.toThrow("enough");
  });
});
