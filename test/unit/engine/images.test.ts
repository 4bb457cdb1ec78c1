import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { filterImages } from "../../../src/engine/images/image-filters.ts";
import { findImage, getImage } from "../../../src/engine/images/find-image.ts";
import { chooseRemovals } from "../../../src/engine/images/choose-removals.ts";
import { matchesGlob } from "../../../src/engine/images/reference-glob.ts";
import { chooseParents } from "../../../src/engine/images/image-parents.ts";
import { parseNewName } from "../../../src/engine/images/parse-new-name.ts";
import { pruneImages } from "../../../src/engine/images/prune.ts";
import { startEngine } from "../../../src/engine/local-engine.ts";
import { openState, type State } from "../../../src/engine/state/state.ts";
import { hexOf } from "../../../src/spec/digest.ts";
import { Scratch } from "../../support/scratch.ts";
import { FakeWorld } from "./fake-dependencies.ts";
import { imageOf, recordOf } from "./state-records.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch("images-unit");
});
afterEach(() => {
  scratch[Symbol.dispose]();
});

function withState(work: (state: State) => void): void {
  using state = openState(scratch.path);
  work(state);
}

const record = imageOf(1);
const stopped = recordOf(1, { state: { status: "exited", code: 0, oomKilled: false, finishedAt: 1 } });
const running = recordOf(2, { state: { status: "running", pid: 1, startedAt: 1 } });
const [one, two, other] = ["docker.io/library/a:1", "docker.io/library/a:2", "docker.io/library/b:1"];

describe("chooseRemovals()", () => {
  test.each([
    ["the only name", { reference: one, references: [one], users: [] }, { untag: [one], deleteImage: true }],
    [
      "one of two names",
      { reference: one, references: [one, other], users: [running] },
      { untag: [one], deleteImage: false },
    ],
    [
      "an id with two names by force",
      { references: [one, two], users: [], force: true },
      { untag: [one, two], deleteImage: true },
    ],
    [
      "the only name of an image with children",
      { reference: one, references: [one], users: [], isParent: true },
      { untag: [one], deleteImage: false },
    ],
    [
      "a name that a stopped container uses, by force",
      { reference: one, references: [one], users: [stopped], force: true },
      { untag: [one], deleteImage: true },
    ],
    ["an id without names", { references: [], users: [] }, { untag: [], deleteImage: true }],
    [
      "a used name by force",
      { reference: one, references: [one], users: [running], force: true },
      { untag: [one], deleteImage: false },
    ],
    [
      "an id with a stopped container by force",
      { references: [one], users: [stopped], force: true },
      { untag: [one], deleteImage: true },
    ],
    [
      "an id of two repositories by force",
      { references: [one, other], users: [], force: true },
      { untag: [one, other], deleteImage: true },
    ],
  ] as const)("removes %s", (_, input, plan) => {
    expect(chooseRemovals({ record, reference: undefined, force: false, isParent: false, ...input })).toEqual(
      {
        untag: [...plan.untag],
        deleteImage: plan.deleteImage,
      },
    );
  });

  test.each([
    [
      "a used name",
      { reference: one, references: [one], users: [stopped] },
      'unable to remove repository reference "a:1" (must force)',
    ],
    [
      "an image with children, by force too",
      { references: [], users: [], isParent: true, force: true },
      "(cannot be forced) - image has dependent child images",
    ],
    [
      "two names in one repository",
      { references: [one, two], users: [] },
      "must be forced) - image is referenced in multiple repositories",
    ],
    [
      "a running container before two names",
      { references: [one, two], users: [running] },
      "cannot be forced) - image is being used by running container",
    ],
    [
      "two repositories",
      { references: [one, other], users: [] },
      "must be forced) - image is referenced in multiple repositories",
    ],
    [
      "a stopped container",
      { references: [one], users: [stopped] },
      "must be forced) - image is being used by stopped container",
    ],
    [
      "a running container, by force too",
      { references: [one], users: [stopped, running], force: true },
      "cannot be forced) - image is being used by running container",
    ],
  ] as const)("refuses %s", (_, input, sentence) => {
    expect(() =>
      chooseRemovals({ record, reference: undefined, force: false, isParent: false, ...input }),
    ).toThrow(sentence);
  });
});

describe("findImage()", () => {
  test("finds by id, name and the beginning of an id", () => {
    withState((state) => {
      const second = imageOf(2);
      state.putImages([record, second], [["docker.io/library/busybox:latest", record.id]]);
      expect(findImage(state, "busybox")).toEqual({ record, reference: "docker.io/library/busybox:latest" });
      expect(findImage(state, "docker.io/library/busybox")?.record).toBe(findImage(state, record.id)?.record);
      for (const text of [
        record.id,
        hexOf(record.id),
        hexOf(record.id).slice(0, 12),
        record.id.slice(0, 20),
      ]) {
        expect(findImage(state, text)).toEqual({ record });
      }
      expect(findImage(state, "busybox:other")).toBeUndefined();
      expect(() => getImage(state, "absent")).toThrow('cannot find image "absent"');
    });
  });

  test("a name goes before the beginning of an id", () => {
    withState((state) => {
      const prefix = hexOf(record.id).slice(0, 4);
      state.putImages([record, imageOf(2)], [[`docker.io/library/${prefix}:latest`, imageOf(2).id]]);
      expect(findImage(state, prefix)?.record.id).toBe(imageOf(2).id);
    });
  });

  test("refuses an ambiguous beginning", () => {
    withState((state) => {
      state.putImages(
        Array.from({ length: 40 }, (_, number) => imageOf(number)),
        [],
      );
      const digits = [..."0123456789abcdef"].filter(
        (digit) => state.images().filter(({ id }) => hexOf(id).startsWith(digit)).length > 1,
      );
      expect(() => findImage(state, digits[0] ?? "")).toThrow("several ids begin so");
    });
  });
});

test("filterImages() knows Docker's filters", () => {
  withState((state) => {
    const labeled = {
      ...imageOf(2),
      config: { ...record.config, defaults: { ...record.config.defaults, labels: { a: "1" } } },
    };
    state.putImages([record, labeled], [["docker.io/library/busybox:1.36", record.id]]);
    const ids = (filters: Record<string, string[]>): string[] =>
      filterImages(state, filters).map(({ id }) => id);
    expect(ids({ reference: ["busy*"] })).toEqual([record.id]);
    expect(ids({ reference: ["busybox:1.3?"] })).toEqual([record.id]);
    expect(ids({ reference: ["busybox:2"] })).toEqual([]);
    expect(ids({ dangling: ["true"] })).toEqual([labeled.id]);
    expect(ids({ dangling: ["false"] })).toEqual([record.id]);
    expect(ids({ label: ["a=1"] })).toEqual([labeled.id]);
    expect(ids({ since: ["busybox:1.36"] })).toEqual([labeled.id]);
    expect(ids({ before: [labeled.id] })).toEqual([record.id]);
    expect(ids({ since: ["busybox:1.36", labeled.id] })).toEqual([]);
    expect(() => ids({ dangling: ["maybe"] })).toThrow("invalid filter 'dangling=[maybe]'");
    expect(() => ids({ reference: ["b["] })).toThrow("syntax error in pattern");
    expect(() => ids({ nonsense: ["x"] })).toThrow("invalid filter 'nonsense'");
  });
});

test.each([
  ["a*", "ab", true],
  ["a*", "a/b", false],
  ["*/b", "a/b", true],
  ["*a*b", "xaab", true],
  ["a.b", "axb", false],
  ["(a+)+$", "aaaa", false],
  ["[a-c]?", "bb", true],
  ["[^a-c]?", "bb", false],
  ["[^a]*", "bb", true],
  ["a[/]b", "a/b", true],
  ["b\\b", "bb", true],
  ["\\*", "*", true],
  ["\\*", "b", false],
  ["*".repeat(200) + "x", "a".repeat(200), false],
])("matchesGlob(%j, %j) is %p", (glob, text, expected) => {
  expect(matchesGlob(glob, text)).toBe(expected);
});

test.each(["b[", "[]", "[a", "[a-]", "[-a]", "[^]", "a\\"])("matchesGlob() refuses %j", (glob) => {
  expect(() => matchesGlob(glob, "b")).toThrow("syntax error in pattern");
});

describe("images that others were committed from", () => {
  const base = imageOf(1);
  const child = { ...imageOf(2), parent: base.id };
  const grandchild = { ...imageOf(3), parent: child.id };
  const isPinned = (): boolean => false;

  test("filterImages() hides those without a name, unless all are asked for", () => {
    withState((state) => {
      state.putImages([base, child, grandchild], [["docker.io/library/a:1", grandchild.id]]);
      const ids = (options = {}, filters = {}): string[] =>
        filterImages(state, filters, options).map(({ id }) => id);
      expect(ids()).toEqual([grandchild.id]);
      expect(ids({ all: true })).toEqual([base.id, child.id, grandchild.id]);
      expect(ids({}, { dangling: ["true"] })).toEqual([]);
      expect(ids({ all: true }, { dangling: ["true"] })).toEqual([]);
    });
  });

  test("chooseParents() goes up to the first that is needed", () => {
    withState((state) => {
      state.putImages([base, child, grandchild], []);
      const parents = (options = { isPinned }) => chooseParents(state, grandchild, options);
      expect(parents()).toEqual([child.id, base.id]);
      expect(parents({ isPinned: (id?: string) => id === base.id })).toEqual([child.id]);
      state.putImages([], [["docker.io/library/a:1", base.id]]);
      expect(parents()).toEqual([child.id]);
      state.putImages([{ ...imageOf(4), parent: child.id }], []);
      expect(parents()).toEqual([]);
    });
  });

  test("pruneImages() takes those without a name with their last child", () => {
    withState((state) => {
      state.putImages([base, child, grandchild], []);
      const { removed } = pruneImages(state, { all: false, filters: {}, isPinned });
      expect(removed).toEqual([grandchild, child, base].map(({ id }) => ({ deleted: id })));
      expect(state.images()).toEqual([]);
    });
  });
});

test.each([
  ["x@sha256:" + "0".repeat(64), "refusing to create a tag with a digest reference"],
  ["sha256:abc", "refusing to create an ambiguous tag using digest algorithm as name"],
  ["sha256", "refusing to create an ambiguous tag using digest algorithm as name"],
  ["UP", "invalid reference format: repository name (library/UP) must be lowercase"],
])("parseNewName() refuses %s", (name, sentence) => {
  expect(() => parseNewName(name)).toThrow(sentence);
});

describe("the embedded image", () => {
  test("is replaced when the engine brings another program, but not the user's own", async () => {
    const world = new FakeWorld(scratch.path);
    const program = scratch.join("program");
    const open = async () => startEngine({ ...(await world.parts()), helloProgram: program });
    copyFileSync("/bin/true", program);
    let first: string;
    {
      await using engine = await open();
      await engine.containers.create({ image: "hello" });
      await engine.containers.create({ image: "hello:latest" });
      const images = await engine.images.list();
      expect(images).toHaveLength(1);
      first = images[0]?.id ?? "";
      for (const { id } of await engine.containers.list({ all: true })) await engine.containers.remove(id);
    }
    writeFileSync(program, "another");
    await using engine = await open();
    await engine.containers.create({ image: "hello" });
    const [second, ...more] = await engine.images.list();
    expect(more).toEqual([]);
    expect(second?.id).not.toBe(first);
    const own = await engine.images.import((async function* () {})(), {
      reference: "hello",
      changes: ["CMD x"],
    });
    const { id } = await engine.containers.create({ image: "hello" });
    expect((await engine.containers.inspect(id)).imageId).toBe(own);
  });
});
