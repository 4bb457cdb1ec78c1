import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findUser } from "../../../src/engine/containers/files/accounts.ts";
import type { ContainerSpec } from "../../../src/model/container-spec.ts";
import type { OwnedFd } from "../../../src/linux/kernel/fd.ts";
import { openDirectoryPath } from "../../../src/linux/files/open.ts";
import type { ResolvedUser } from "../../../src/spec/passwd.ts";

describe("findUser()", () => {
  let place: string;
  let root: OwnedFd;
  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), "tare-accounts-"));
    mkdirSync(join(place, "etc"));
    root = openDirectoryPath(place);
  });
  afterAll(() => {
    root[Symbol.dispose]();
    rmSync(place, { recursive: true });
  });

  const write = (passwd: string, group: string): void => {
    writeFileSync(join(place, "etc/passwd"), passwd);
    writeFileSync(join(place, "etc/group"), group);
  };
  const find = (user: string, groups: readonly string[] = []): ResolvedUser =>
    findUser(root.fd, {
      user,
      groups,
      spec: { image: "any" } as ContainerSpec,
      host: { readText: () => "" },
    });

  test("follows what is asked for and what the files say now, each time", () => {
    write("one:x:1000:1000::/home/one:/bin/sh\n", "extra:x:2000:one\nmore:x:3000:\n");
    for (let turn = 0; turn < 2; turn++) {
      expect(find("one")).toMatchObject({ uid: 1000, home: "/home/one", additionalGids: [1000, 2000] });
      expect(find("one", ["more"])).toMatchObject({ additionalGids: [1000, 2000, 3000] });
      expect(find("one:extra")).toMatchObject({ uid: 1000, gid: 2000, additionalGids: [2000] });
    }
    write("one:x:1001:1000::/:/bin/sh\n", "extra:x:2000:one\nmore:x:3000:\n");
    expect(find("one")).toMatchObject({ uid: 1001, home: "/", additionalGids: [1000, 2000] });
    write("one:x:1001:1000::/:/bin/sh\n", "extra:x:2000:\nmore:x:3000:one\n");
    expect(find("one")).toMatchObject({ additionalGids: [1000, 3000] });
  });

  test("refuses a name that is not there, until it is, and finds one in a long file", () => {
    write("root:x:0:0::/root:/bin/sh\n", "");
    for (let turn = 0; turn < 2; turn++) expect(() => find("late")).toThrow("unable to find user late");
    const many = Array.from({ length: 2_000 }, (_, i) => `user${i}:x:${10_000 + i}:1::/:/bin/sh\n`).join("");
    write(`${many}late:x:7:7::/:/bin/sh\n`, "");
    for (let turn = 0; turn < 2; turn++) expect(find("late")).toMatchObject({ uid: 7, gid: 7 });
  });
});
