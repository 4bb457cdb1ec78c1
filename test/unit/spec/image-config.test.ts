import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../src/spec/digest.ts";
import { createdMs, parseImageConfig } from "../../../src/spec/image/config.ts";

const diffId = digestOf("layer");
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const whole = {
  created: "2024-01-31T12:00:00.123456789Z",
  author: "A",
  architecture: "arm64",
  variant: "v8",
  os: "linux",
  config: {
    User: "1000:1000",
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    Env: ["PATH=/bin", "X="],
    Entrypoint: ["/init"],
    Cmd: [],
    Volumes: { "/data": {} },
    WorkingDir: "/work",
    Labels: { a: "b", __proto__x: "c" },
    StopSignal: "SIGQUIT",
    Shell: ["/bin/bash", "-c"],
    OnBuild: ["RUN true"],
    Healthcheck: { Test: ["CMD", "true"], Interval: 30_000_000_000, Retries: 3 },
    ArgsEscaped: true,
  },
  rootfs: { type: "layers", diff_ids: [diffId] },
  history: [
    { created: "2024-01-31T12:00:00Z", created_by: "ADD file", comment: "c" },
    { created_by: "CMD", empty_layer: true },
  ],
};

describe("parseImageConfig()", () => {
  test("reads every member into our names", () => {
    expect(parseImageConfig(encode(whole))).toEqual({
      platform: { os: "linux", architecture: "arm64" },
      created: "2024-01-31T12:00:00.123456789Z",
      author: "A",
      defaults: {
        user: "1000:1000",
        exposedPorts: ["80/tcp", "53/udp"],
        env: ["PATH=/bin", "X="],
        entrypoint: ["/init"],
        cmd: [],
        volumes: ["/data"],
        workingDirectory: "/work",
        labels: { a: "b", __proto__x: "c" },
        stopSignal: "SIGQUIT",
        shell: ["/bin/bash", "-c"],
        argsEscaped: true,
        onBuild: ["RUN true"],
        healthcheck: { test: ["CMD", "true"], intervalNs: 30_000_000_000, retries: 3 },
      },
      diffIds: [diffId],
      history: [
        { created: "2024-01-31T12:00:00Z", createdBy: "ADD file", comment: "c", emptyLayer: false },
        { createdBy: "CMD", emptyLayer: true },
      ],
    });
  });
  test("fills in what a minimal or null-ridden document lacks", () => {
    const config = parseImageConfig(
      encode({
        config: { Entrypoint: null, Cmd: null, Labels: null, Env: null },
        rootfs: { diff_ids: null },
      }),
    );
    expect(config.platform).toEqual({ os: "linux", architecture: "" });
    expect(config.diffIds).toEqual([]);
    expect(config.defaults).toEqual({
      user: "",
      env: [],
      workingDirectory: "",
      labels: {},
      exposedPorts: [],
      volumes: [],
      onBuild: [],
    });
    expect(createdMs(config)).toBe(0);
  });
  test("is frozen throughout and immune to __proto__", () => {
    const text = '{"rootfs":{"diff_ids":[]},"config":{"Labels":{"__proto__":"x","constructor":"y"}}}';
    const config = parseImageConfig(new TextEncoder().encode(text));
    expect(Object.entries(config.defaults.labels)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    for (const part of [
      config,
      config.defaults,
      config.defaults.labels,
      config.defaults.env,
      config.history,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
  const refused: readonly (readonly [string, object, string])[] = [
    ["no rootfs", { rootfs: undefined }, "it has no rootfs"],
    ["another rootfs type", { rootfs: { type: "base", diff_ids: [] } }, 'rootfs.type must be "layers"'],
    ["a path as diffID", { rootfs: { diff_ids: ["../../etc"] } }, "rootfs.diff_ids[0] must be a digest"],
    ["text as Env", { config: { Env: "A=b" } }, "config.Env must be a list"],
    ["NUL in an argument", { config: { Cmd: ["a\0b"] } }, "config.Cmd[0] must not contain NUL"],
    ["NUL in a volume", { config: { Volumes: { "/a\0": {} } } }, "config.Volumes must not contain NUL"],
    ["numbers as labels", { config: { Labels: { a: 1 } } }, 'config.Labels["a"] must be a string'],
    ["a wrong time", { created: "yesterday" }, "created must be a time"],
    [
      "a negative interval",
      { config: { Healthcheck: { Interval: -1 } } },
      "config.Healthcheck.Interval must be",
    ],
    ["a list as config", { config: [] }, "config must be an object"],
  ];
  test.each(refused)("refuses %s", (_, change, detail) => {
    expect(() => parseImageConfig(encode({ ...whole, ...change }))).toThrow(
      `cannot read image config: ${detail}`,
    );
  });
});

test("createdMs() reads the time", () => {
  expect(createdMs(parseImageConfig(encode(whole)))).toBe(Date.UTC(2024, 0, 31, 12, 0, 0, 123));
});
