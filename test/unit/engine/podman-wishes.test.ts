import { describe, expect, test } from "bun:test";
import { withChroots } from "../../../src/engine/resolve/chroot-files.ts";
import { expandMerges } from "../../../src/engine/resolve/environment.ts";
import { subordinateMaps } from "../../../src/engine/resolve/id-ranges.ts";
import { resolveAllMounts } from "../../../src/engine/resolve/mounts.ts";

describe("expandMerges()", () => {
  test("puts what is there into the values, each seeing what comes before it", () => {
    expect(expandMerges(["A=${A}:1", "B=$A-$NONE.", "C=$$A", "A="], ["A=0", "ONLY"])).toEqual([
      "A=0:1",
      "B=0:1-.",
      "C=$0:1",
      "A=",
    ]);
    expect(expandMerges(undefined, ["A=0"])).toEqual([]);
  });

  test.each(["A", "=b", ""])("refuses %j", (merge) => {
    expect(() => expandMerges([merge], [])).toThrow("invalid variable to merge");
  });
});

describe("withChroots()", () => {
  test("has the files below each directory, too", () => {
    expect(withChroots({ "/etc/hosts": "h" }, ["/a//b/", "/c"])).toEqual({
      "/etc/hosts": "h",
      "/a/b/etc/hosts": "h",
      "/c/etc/hosts": "h",
    });
    expect(withChroots({ "/etc/hosts": "h" })).toEqual({ "/etc/hosts": "h" });
  });

  test.each(["a", "/", "/a/..", ""])("refuses %j", (directory) => {
    expect(() => withChroots({}, [directory])).toThrow("it must be an absolute path, and not the root");
  });
});

describe("subordinateMaps()", () => {
  const files: Readonly<Record<string, string>> = {
    "/etc/subuid": "me:1000:10\nother:5:5\nme:3000:20\n",
    "/etc/subgid": "me:7000:30\n",
  };
  const read = (path: string): string => files[path] ?? "";

  test("puts a user's ranges one after the other", () => {
    expect(subordinateMaps({ uidsOf: "me", gidsOf: "me" }, read)).toEqual({
      uids: [
        { containerID: 0, hostID: 1000, size: 10 },
        { containerID: 10, hostID: 3000, size: 20 },
      ],
      gids: [{ containerID: 0, hostID: 7000, size: 30 }],
    });
  });

  test("says in which file a user has none", () => {
    expect(() => subordinateMaps({ uidsOf: "other", gidsOf: "other" }, read)).toThrow(
      'cannot find ids of "other" in /etc/subgid: want a line other:FIRST:COUNT',
    );
  });
});

describe("resolveAllMounts() with the image's volumes", () => {
  const image = ["/data", "/taken"];
  const mounts = [{ kind: "tmpfs", target: "/taken" }] as const;
  const plan = (imageVolumes?: "anonymous" | "tmpfs" | "ignore") =>
    resolveAllMounts(
      { storage: { mounts, volumes: ["/own"], ...(imageVolumes === undefined ? {} : { imageVolumes }) } },
      { image, inherited: [] },
    ).map(({ kind, target }) => `${kind} ${target}`);

  test("makes anonymous ones, a tmpfs of each, or leaves them out; what is asked for stays", () => {
    const own = ["tmpfs /taken", "volume /own"];
    expect(plan()).toEqual([...own, "volume /data"]);
    expect(plan("anonymous")).toEqual([...own, "volume /data"]);
    expect(plan("tmpfs")).toEqual([...own, "tmpfs /data"]);
    expect(plan("ignore")).toEqual(own);
  });
});
