import { describe, expect, test } from "bun:test";
import type { ContainerStorage } from "../../../src/model/container-spec.ts";
import { formatLog, isKnownLogDriver, parseLog } from "../../../src/api/container/log-config.ts";

describe("parseLog()", () => {
  const cases: [Type: string, Config: Record<string, string>, wanted: ContainerStorage["log"]][] = [
    ["", {}, undefined],
    ["json-file", {}, undefined],
    ["none", {}, "none"],
    ["json-file", { "max-size": "10m" }, { fileBytes: 10_000_000 }],
    ["json-file", { "max-size": "10m", "max-file": "3" }, { fileBytes: 10_000_000, files: 3 }],
    ["local", { "max-size": "1.5 GB", "max-file": "200" }, { fileBytes: 1_500_000_000, files: 200 }],
    ["local", { "max-size": "1KiB", compress: "true" }, { fileBytes: 1000 }],
    ["json-file", { "max-size": "7", "max-file": "2", compress: "true" }, { fileBytes: 7, files: 2 }],
    ["json-file", { compress: "0", labels: "a,b", env: "X", tag: "{{.ID}}", mode: "blocking" }, undefined],
    ["local", { mode: "non-blocking", "max-buffer-size": "4m" }, undefined],
  ];
  test.each(cases)("%s %j", (Type, Config, wanted) => {
    expect(isKnownLogDriver(Type)).toBe(true);
    expect(parseLog({ Type, Config })).toEqual(wanted as NonNullable<ContainerStorage["log"]>);
    expect(parseLog(formatLog(wanted) ?? {})).toEqual(wanted as NonNullable<ContainerStorage["log"]>);
  });

  test.each([
    ["json-file", { "max-sizes": "1" }, "unknown log opt 'max-sizes' for json-file log driver"],
    ["json-file", { constructor: "1" }, "unknown log opt 'constructor' for json-file log driver"],
    ["local", { labels: "a" }, "unknown log opt 'labels' for log driver local"],
    ["json-file", { "max-size": "much" }, "invalid size: 'much'"],
    ["json-file", { "max-size": "-1" }, "invalid size: '-1'"],
    ["json-file", { "max-size": "0" }, "max-size must be a positive number"],
    ["json-file", { "max-file": "0" }, "max-file cannot be less than 1"],
    ["json-file", { "max-file": "x" }, "invalid max-file"],
    ["json-file", { compress: "yes" }, "invalid compress"],
    ["json-file", { compress: "true" }, "compress cannot be true when max-file is less than 2"],
    ["json-file", { mode: "later" }, "logging mode not supported: later"],
    ["json-file", { "max-buffer-size": "1m" }, "only supported with 'mode=non-blocking'"],
  ] as [string, Record<string, string>, string][])("%s %j is refused", (Type, Config, sentence) => {
    expect(() => parseLog({ Type, Config })).toThrow(
      expect.objectContaining({ kind: "invalid", message: expect.stringContaining(sentence) }),
    );
  });

  test("other drivers are not known", () => {
    for (const type of ["syslog", "journald", "gelf", "constructor", "__proto__", "None"])
      expect(isKnownLogDriver(type)).toBe(false);
  });
});
