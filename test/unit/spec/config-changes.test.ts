import { describe, expect, test } from "bun:test";
import { applyConfigChanges } from "../../../src/spec/image/config-changes.ts";
import { digestOf } from "../../../src/spec/digest.ts";
import {
  encodeImageConfig,
  type ImageConfig,
  noDefaults,
  parseImageConfig,
} from "../../../src/spec/image/config.ts";

describe("applyConfigChanges()", () => {
  const rows: readonly (readonly [changes: readonly string[], expected: object])[] = [
    [['CMD ["a","b c"]'], { cmd: ["a", "b c"] }],
    [["cmd echo $HOME 'x'"], { cmd: ["/bin/sh", "-c", "echo $HOME 'x'"] }],
    [["CMD [broken"], { cmd: ["/bin/sh", "-c", "[broken"] }],
    [['CMD ["x"]', 'ENTRYPOINT ["/init"]'], { entrypoint: ["/init"], cmd: ["x"] }],
    [['ENTRYPOINT ["/init"]', 'CMD ["x"]'], { entrypoint: ["/init"], cmd: ["x"] }],
    [['CMD ["x"]', "CMD []", 'ENTRYPOINT ["/init"]'], { entrypoint: ["/init"], cmd: [] }],
    [["ENV A=1\nUSER u\r\n\n  # a comment\nENV B=$A"], { env: ["A=1", "B=1"], user: "u" }],
    [
      ["LABEL a=1 \\\n# in between\n\n  b=2 \\  \n c=3", "USER u\n"],
      { labels: { a: "1", b: "2", c: "3" }, user: "u" },
    ],
    [["WORKDIR /a\\"], { workingDirectory: "/a" }],
    [['ENV A=1 B=two\\ words C=\'x y\' D="q\\"$A"'], { env: ["A=1", "B=two words", "C=x y", 'D=q"'] }],
    [["ENV A=1", "ENV B=${A}2 A=3", "ENV C='$A'"], { env: ["A=3", "B=12", "C=$A"] }],
    [["ENV OLD some value"], { env: ["OLD=some value"] }],
    [["EXPOSE 80 53/udp 8000-8001"], { exposedPorts: ["80/tcp", "53/udp", "8000/tcp", "8001/tcp"] }],
    [
      ['LABEL a=b "c d"="e f"', "LABEL __proto__=x"],
      {
        labels: Object.fromEntries([
          ["a", "b"],
          ["c d", "e f"],
          ["__proto__", "x"],
        ]),
      },
    ],
    [['LABEL "g h"=i'], { labels: { "g h": "i" } }],
    [["USER 1000:1000"], { user: "1000:1000" }],
    [['VOLUME ["/a","/b"]', "VOLUME /b /c"], { volumes: ["/a", "/b", "/c"] }],
    [["WORKDIR /a", "WORKDIR b", "WORKDIR /"], { workingDirectory: "/" }],
    [["WORKDIR /a", "WORKDIR b c"], { workingDirectory: "/a/b c" }],
    [["STOPSIGNAL SIGQUIT"], { stopSignal: "SIGQUIT" }],
    [["ENV S=rtmin+3", "STOPSIGNAL $S"], { env: ["S=rtmin+3"], stopSignal: "rtmin+3" }],
    [["USER a 'b c'"], { user: "a b c" }],
    [["HEALTHCHECK none"], { healthcheck: { test: ["NONE"] } }],
    [["HEALTHCHECK --timeout=x NONE"], { healthcheck: { test: ["NONE"] } }],
    [["HEALTHCHECK CMD a  $PATH "], { healthcheck: { test: ["CMD-SHELL", "a  $PATH"] } }],
    [["HEALTHCHECK -- CMD a"], { healthcheck: { test: ["CMD-SHELL", "a"] } }],
    [["HEALTHCHECK --interval=0 --retries= CMD a"], { healthcheck: { test: ["CMD-SHELL", "a"] } }],
    [
      [
        'HEALTHCHECK --interval=1m30s --timeout=3s --start-period=1s --start-interval=1ms --retries=3 CMD ["a", "b"]',
      ],
      {
        healthcheck: {
          test: ["CMD", "a", "b"],
          intervalNs: 90e9,
          timeoutNs: 3e9,
          startPeriodNs: 1e9,
          startIntervalNs: 1e6,
          retries: 3,
        },
      },
    ],
    [["ONBUILD RUN make", "ONBUILD COPY . ."], { onBuild: ["RUN make", "COPY . ."] }],
    [[], {}],
  ];

  test("ENTRYPOINT alone drops the command that was there", () => {
    const before = { ...noDefaults, cmd: ["old"], entrypoint: ["/old"] };
    const after = applyConfigChanges(before, ['ENTRYPOINT ["/new"]']);
    expect([after.entrypoint, after.cmd]).toEqual([["/new"], []]);
  });

  test.each(rows)("%j", (changes, expected) => {
    expect(applyConfigChanges(noDefaults, changes)).toEqual({ ...noDefaults, ...expected });
  });

  test.each([
    ["RUN true", "RUN is not a valid change command"],
    ["Nope x", "Nope is not a valid change command"],
    ["", "file with no instructions"],
    ["# a comment alone", "file with no instructions"],
    ["USER u\nRUN true", "RUN is not a valid change command"],
    ["constructor x", "constructor is not a valid change command"],
    ["STOPSIGNAL FOO", "invalid signal: FOO"],
    ["STOPSIGNAL 0", "invalid signal: 0"],
    ["STOPSIGNAL TERM KILL", "invalid signal: TERM KILL"],
    ["STOPSIGNAL $NONE", "invalid signal: "],
    ["HEALTHCHECK", "HEALTHCHECK requires at least one argument"],
    ["HEALTHCHECK --interval=1s", "HEALTHCHECK requires at least one argument"],
    ["HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"],
    ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
    ["HEALTHCHECK CMD []", "Missing command after HEALTHCHECK CMD"],
    ["HEALTHCHECK CMD [1]", "arrays must be comprised of strings only"],
    ["HEALTHCHECK cmd-shell x", 'Unknown type "CMD-SHELL" in HEALTHCHECK (try CMD)'],
    ["HEALTHCHECK --foo=1 CMD a", "unknown flag: foo"],
    ["HEALTHCHECK --interval CMD a", "missing a value on flag: interval"],
    ["HEALTHCHECK --interval=1s --interval=2s CMD a", "duplicate flag specified: interval"],
    ["HEALTHCHECK --interval=1x CMD a", 'time: unknown unit "x" in duration "1x"'],
    ["HEALTHCHECK --interval=1s5 CMD a", 'time: missing unit in duration "1s5"'],
    ["HEALTHCHECK --interval=soon CMD a", 'time: invalid duration "soon"'],
    ["HEALTHCHECK --start-period=1us CMD a", 'Interval "start-period" cannot be less than 1ms'],
    ["HEALTHCHECK --timeout=-1s CMD a", 'Interval "timeout" cannot be less than 1ms'],
    ["HEALTHCHECK --retries=-1 CMD a", "--retries cannot be negative (-1)"],
    ["HEALTHCHECK --retries=x CMD a", 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["HEALTHCHECK --retries=9999999999 CMD a", "value out of range"],
    ["CMD --foo a", "unknown flag: foo"],
    ["USER", "USER requires exactly one argument"],
    ["EXPOSE", "EXPOSE requires at least one argument"],
    ["VOLUME []", "VOLUME requires at least one argument"],
    ["ENV A", "ENV must have two arguments"],
    ["LABEL a", "LABEL must have two arguments"],
    ["ENV A=1 B", 'Syntax error - can\'t find = in "B". Must be of the form: name=value'],
    ["ENV =x y", "ENV names can not be blank"],
    ["LABEL =x", "LABEL names can not be blank"],
    [
      "ENV A='x",
      `failed to process "'x": unexpected end of statement while looking for matching single-quote`,
    ],
    ['LABEL a "b', "while looking for matching double-quote"],
    ["EXPOSE http", "Invalid containerPort: http"],
    ["EXPOSE 80/foo", "Invalid proto: foo"],
    ["CMD [1]", "arrays must be comprised of strings only"],
    ["VOLUME ''", "VOLUME specified can not be an empty string"],
    ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
    ["ONBUILD onbuild RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ])("refuses %j", (change, detail) => {
    expect(() => applyConfigChanges(noDefaults, [change])).toThrow(detail);
  });
});

test("encodeImageConfig() is what parseImageConfig() reads back", () => {
  const defaults = applyConfigChanges(noDefaults, [
    'CMD ["a"]',
    "ENV A=b",
    "EXPOSE 80",
    "LABEL __proto__=x",
    "USER u",
    "VOLUME /v",
    "WORKDIR /w",
    "STOPSIGNAL 9",
    "ONBUILD RUN x",
  ]);
  const config: ImageConfig = {
    platform: { os: "linux", architecture: "arm", variant: "v7" },
    created: "2024-01-31T12:00:00.000Z",
    comment: "c",
    defaults: {
      ...defaults,
      shell: ["/bin/bash"],
      healthcheck: { test: ["CMD", "x"], intervalNs: 5, retries: 1 },
    },
    diffIds: [digestOf("x")],
    history: [
      { created: "2024-01-31T12:00:00.000Z", createdBy: "b", emptyLayer: false },
      { emptyLayer: true },
    ],
  };
  expect(parseImageConfig(encodeImageConfig(config))).toEqual(config);
  expect(encodeImageConfig(config)).toEqual(encodeImageConfig(config));
});
