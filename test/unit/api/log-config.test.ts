import { describe, expect, test } from "bun:test";
import type { ContainerStorage } from "../../../src/model/container-spec.ts";
import { formatLog, parseLog } from "../../../src/api/container/log-config.ts";

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
    ["json-file", { compress: "0", mode: "blocking" }, undefined],
    [
      "json-file",
      { labels: "a,b", env: "X", tag: "{{.ID}}", "max-file": "2" },
      { files: 2, options: { labels: "a,b", env: "X", tag: "{{.ID}}" } },
    ],
    [
      "syslog",
      { "syslog-address": "udp://[::1]:1514", "cache-max-size": "1m" },
      {
        driver: "syslog",
        fileBytes: 1_000_000,
        options: { "syslog-address": "udp://[::1]:1514" },
      },
    ],
    ["journald", {}, { driver: "journald" }],
    ["local", { mode: "non-blocking", "max-buffer-size": "4m" }, undefined],
  ];
  test.each(cases)("%s %j", (Type, Config, wanted) => {
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
    ["json-file", { "labels-regex": "(" }, "error parsing regexp"],
    ["json-file", { tag: "{{.ID" }, "template parsing error"],
    ["syslog", { "max-size": "1" }, "unknown log opt 'max-size' for syslog log driver"],
    [
      "syslog",
      { "syslog-address": "/dev/log" },
      "syslog-address should be in form proto://address, got /dev/log",
    ],
    ["syslog", { "syslog-facility": "local8" }, "invalid syslog facility"],
    ["syslog", { "syslog-facility": "24" }, "invalid syslog facility"],
    ["syslog", { "syslog-format": "rfc1" }, "Invalid syslog format"],
    ["journald", { "cache-disabled": "maybe" }, "invalid value for option cache-disabled: maybe"],
    ["journald", { "journald-x": "1" }, "unknown log opt 'journald-x' for journald log driver"],
    [
      "fluentd",
      { "fluentd-address": "udp://a:1" },
      "invalid fluentd-address (udp://a:1): unsupported scheme: 'udp'",
    ],
    ["fluentd", { "fluentd-address": "a:99999" }, "invalid fluentd-address (a:99999): invalid port"],
    [
      "fluentd",
      { "fluentd-retry-wait": "5" },
      'invalid value for fluentd-retry-wait: time: invalid duration "5"',
    ],
    ["fluentd", { "fluentd-async": "maybe" }, "invalid value for fluentd-async"],
    ["gelf", {}, "gelf-address is a required parameter"],
    ["gelf", { "gelf-address": "unix:///x" }, "gelf: endpoint needs to be TCP or UDP"],
    ["gelf", { "gelf-address": "udp://a" }, "gelf: please provide gelf-address as proto://host:port"],
    ["gelf", { "gelf-address": "udp://a:1", x: "1" }, 'unknown log opt "x" for gelf log driver'],
    [
      "gelf",
      { "gelf-address": "udp://a:1", "gelf-compression-level": "10" },
      'unknown value "10" for log opt "gelf-compression-level" for gelf log driver',
    ],
    [
      "gelf",
      { "gelf-address": "tcp://a:1", "gelf-compression-type": "gzip" },
      "compression is only supported on UDP",
    ],
    [
      "gelf",
      { "gelf-address": "udp://a:1", "gelf-tcp-max-reconnect": "1" },
      '"gelf-tcp-max-reconnect" is only valid for TCP',
    ],
    ["json-file", { mode: "later" }, "logging mode not supported: later"],
    ["json-file", { "max-buffer-size": "1m" }, "only supported with 'mode=non-blocking'"],
  ] as [string, Record<string, string>, string][])("%s %j is refused", (Type, Config, sentence) => {
    expect(() => parseLog({ Type, Config })).toThrow(
      expect.objectContaining({ kind: "invalid", message: expect.stringContaining(sentence) }),
    );
  });

  test.each(["splunk", "constructor", "__proto__", "None"])("the driver %s is not known", (Type) => {
    const sentence = `logger: no log driver named '${Type}' is registered`;
    expect(() => parseLog({ Type, Config: {} })).toThrow(
      expect.objectContaining({ kind: "invalid", message: sentence }),
    );
  });
});
