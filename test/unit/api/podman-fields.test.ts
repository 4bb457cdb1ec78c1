import { describe, expect, test } from "bun:test";
import { formatPodmanFields, parsePodmanFields } from "../../../src/api/container/podman-fields.ts";

describe("parsePodmanFields()", () => {
  test("and formatPodmanFields() are each other's way back", () => {
    const fields = {
      Requires: ["a"],
      EnvMerge: ["A=$B"],
      ImageVolumes: "tmpfs",
      PasswdEntry: "p",
      GroupEntry: "g",
      HostUsers: ["me"],
      ChrootDirs: ["/a"],
      TimeoutSeconds: 3,
      HostsFile: "none",
      Secrets: [{ Source: "s", Type: "env" }],
    };
    const planned = parsePodmanFields(fields);
    expect(planned).toEqual({
      process: { envMerge: ["A=$B"], passwdEntry: "p", groupEntry: "g", hostUsers: ["me"] },
      resources: {},
      storage: { imageVolumes: "tmpfs", secrets: [{ secret: "s", kind: "variable" }] },
      network: { chrootDirectories: ["/a"], hostsFile: "none" },
      lifecycle: { requires: ["a"], timeoutMs: 3000 },
    });
    expect(formatPodmanFields(planned)).toEqual(fields);
    expect(formatPodmanFields({ lifecycle: { timeoutMs: 1 } })).toEqual({ TimeoutSeconds: 1 });
  });

  test("takes what is empty for nothing", () => {
    const empty = { Requires: null, EnvMerge: [], ImageVolumes: "", PasswdEntry: "", TimeoutSeconds: 0 };
    expect(parsePodmanFields(empty)).toEqual({
      process: {},
      resources: {},
      storage: {},
      network: {},
      lifecycle: {},
    });
    expect(formatPodmanFields({})).toEqual({});
  });

  test.each([
    [{ TimeoutSeconds: -1 }, "invalid timeout -1"],
    [{ TimeoutSeconds: 1e9 }, "invalid timeout 1000000000"],
    [{ ImageVolumes: "bind" }, 'invalid ImageVolumes "bind": want anonymous, tmpfs or ignore'],
  ])("refuses %j", (fields, sentence) => {
    expect(() => parsePodmanFields(fields)).toThrow(sentence);
  });
});
