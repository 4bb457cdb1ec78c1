import { describe, expect, test } from "bun:test";
import {
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { findXattr, setXattr } from "../../src/linux/files/xattr.ts";
import { openVolumeStore } from "../../src/storage/volume-store.ts";
import { Scratch } from "../support/scratch.ts";
import { isRoot } from "../support/tare.ts";
import type { VolumeName } from "../../src/model/ids.ts";
import { asId } from "../support/ids.ts";

const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");

function setOn(path: string, name: string, value: Uint8Array): void {
  const fd = openSync(path, "r");
  setXattr(fd, name, value);
  closeSync(fd);
}

describe.skipIf(!isRoot)("openVolumeStore()", () => {
  test("fill() keeps owners, modes, links, holes and extended attributes, of the directory itself, too", async () => {
    using scratch = new Scratch("volume-store");
    const source = scratch.join("source");
    mkdirSync(`${source}/sub`, { recursive: true });
    writeFileSync(`${source}/program`, "x", { mode: 0o755 });
    symlinkSync("program", `${source}/link`);
    chownSync(`${source}/program`, 5, 6);
    chownSync(source, 7, 8);
    setOn(`${source}/program`, "security.capability", capability);
    setOn(`${source}/sub`, "user.kept", Buffer.from("yes"));
    setOn(source, "user.top", Buffer.from("too"));
    const store = await openVolumeStore(scratch.join("data"));
    await store.create(asId<VolumeName>("vol"), { mode: 0o755, gid: 0 });
    using image = openDirectoryPath(source);
    await store.fill(asId<VolumeName>("vol"), { source: image.fd });
    const data = store.dataPath(asId<VolumeName>("vol"));
    expect(readdirSync(data).sort()).toEqual(["link", "program", "sub"]);
    expect(readlinkSync(`${data}/link`)).toBe("program");
    expect([statSync(data).uid, statSync(data).gid, statSync(`${data}/program`).uid]).toEqual([7, 8, 5]);
    using top = openDirectoryPath(data);
    using sub = openDirectoryPath(`${data}/sub`);
    expect(Buffer.from(findXattr(top.fd, "user.top") ?? []).toString()).toBe("too");
    expect(Buffer.from(findXattr(sub.fd, "user.kept") ?? []).toString()).toBe("yes");
    expect(readdirSync(scratch.join("data/volumes/vol"))).toEqual(["_data"]);
    // It is not empty any more: what is in it stays.
    writeFileSync(`${data}/program`, "changed");
    await store.fill(asId<VolumeName>("vol"), { source: image.fd });
    expect(readFileSync(`${data}/program`, "utf8")).toBe("changed");
  });

  test("undoes a copy that had not come to its end, and finishes one that had", async () => {
    using scratch = new Scratch("volume-store");
    const volumes = scratch.join("data/volumes");
    for (const path of [
      "half/_data",
      "half/_copy/sub",
      "nearly/_data",
      "nearly/_ready/sub",
      ".drafts/x/_data",
      ".trash/y",
    ]) {
      mkdirSync(`${volumes}/${path}`, { recursive: true });
    }
    writeFileSync(`${volumes}/half/_copy/file`, "");
    writeFileSync(`${volumes}/nearly/_ready/file`, "copied");
    writeFileSync(`${volumes}/nearly/_ready/mine`, "copied");
    // A container was faster with this one.
    writeFileSync(`${volumes}/nearly/_data/mine`, "mine");
    chownSync(`${volumes}/nearly/_ready`, 7, 8);
    const store = await openVolumeStore(scratch.join("data"));
    await store.settle();
    expect([...store.list()].sort()).toEqual(["half", "nearly"].map(asId<VolumeName>));
    expect(readdirSync(`${volumes}/half`)).toEqual(["_data"]);
    expect(store.isEmpty(asId<VolumeName>("half"))).toBe(true);
    expect(readdirSync(`${volumes}/nearly`)).toEqual(["_data"]);
    expect(readdirSync(`${volumes}/nearly/_data`).sort()).toEqual(["file", "mine", "sub"]);
    expect(readFileSync(`${volumes}/nearly/_data/mine`, "utf8")).toBe("mine");
    expect(statSync(`${volumes}/nearly/_data`).uid).toBe(7);
    expect([readdirSync(`${volumes}/.drafts`), readdirSync(`${volumes}/.trash`)]).toEqual([[], []]);
  });
});
