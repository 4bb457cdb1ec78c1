import { describe, expect, test } from "bun:test";
import type { ReachRow } from "../../../src/api/types/tare.ts";
import { formatReach, reachLines, reachOfPort, summarizeReach } from "../../../src/cli/format/reach.ts";

const row: ReachRow = {
  Container: "c",
  Network: "bridge",
  Type: "tcp",
  HostIp: "",
  HostPort: 8080,
  ContainerPort: 80,
  Count: 1,
  Interfaces: ["eth0"],
  BlockedBy: [],
  Conflicts: [],
  Summary: "from eth0",
  Text: "from eth0",
};
const local = {
  ...row,
  HostIp: "::1",
  HostPort: 9000,
  Count: 10,
  Interfaces: [],
  Summary: "from this host only",
  Text: "from this host only",
};
const other = { ...row, Container: "d", Text: "blocked" };

describe("where a port can be reached", () => {
  test("formatReach() says it once where all are alike", () => {
    expect(formatReach([row, { ...row, HostPort: 1 }, other], "c")).toBe("from eth0");
    expect(formatReach([row, local, other], "c")).toBe(
      "8080/tcp from eth0; 9000-9009/tcp from this host only",
    );
    expect(formatReach([other], "c")).toBe("");
  });

  test("summarizeReach() has a few words, however many runs there are", () => {
    const many = { ...row, Summary: "from 18 networks", Text: "from a lot of names" };
    expect(summarizeReach([many, { ...many, HostPort: 1 }, other], "c")).toBe("from 18 networks");
    expect(summarizeReach([many, local, other], "c")).toBe("differs by port");
    expect(summarizeReach([other], "c")).toBe("");
  });

  test("reachOfPort() finds a port within a run of them", () => {
    const find = (type: string, outer: number): string | undefined =>
      reachOfPort([other, row, local], { container: "c", type, outer });
    expect(find("tcp", 8080)).toBe("from eth0");
    expect(find("tcp", 9009)).toBe("from this host only");
    expect(find("tcp", 9010)).toBeUndefined();
    expect(find("udp", 8080)).toBeUndefined();
  });

  test("reachLines() has a line each run, with the address where it is one", () => {
    expect(reachLines([row, local, other], "c")).toEqual([
      "published 8080/tcp: from eth0",
      "published [::1]:9000-9009/tcp: from this host only",
    ]);
  });
});
