import { describe, expect, test } from "bun:test";
import { isDaemonCommand, parseDaemonOptions } from "../../../src/bin/daemon-options.ts";
import {
  type GlobalFlag,
  type GlobalValues,
  globalFlags,
  resolveGlobals,
} from "../../../src/cli/global-flags.ts";
import { parseFlags } from "../../../src/cli/flags/parse.ts";
import type { FlagTable } from "../../../src/cli/flags/flag.ts";

/** A value of each flag that becomes a setting, and the setting. */
const settings: Readonly<Record<string, readonly [readonly string[], object]>> = {
  "blob-policy": [["--blob-policy=rebuild"], { blobPolicy: "rebuild" }],
  "bridge-bypass": [["--bridge-bypass"], { bridgeBypass: true }],
  "bridge-gso-max-size": [["--bridge-gso-max-size=128k"], { bridgeGsoMaxSize: 131_072 }],
  gc: [["--gc=grace=2h"], { garbage: { graceMs: 7_200_000, highPercent: 85, lowPercent: 80 } }],
  "publish-policy": [["--publish-policy=respect-host"], { publishPolicy: "respect-host" }],
  "storage-driver": [["--storage-driver=vfs"], { storageDriver: "vfs" }],
  "storage-opt": [["--storage-opt=dm.a=b", "--storage-opt=dm.c=d"], { storageOptions: ["dm.a=b", "dm.c=d"] }],
  "userns-pool": [["--userns-pool=1000000:131072"], { idPool: { first: 1_000_000, count: 131_072 } }],
};
const table = Object.entries<GlobalFlag<unknown>>(globalFlags);

describe("parseDaemonOptions()", () => {
  test("has a case for each flag that becomes a setting", () => {
    const names = table.filter(([, flag]) => flag.toSettings !== undefined).map(([name]) => name);
    expect(Object.keys(settings)).toEqual(names);
  });

  test.each(Object.entries(settings))("reads --%s as a client passes it on", async (_, [words, wanted]) => {
    const { values } = parseFlags(globalFlags as FlagTable, words);
    const { daemonFlags } = resolveGlobals(values as unknown as GlobalValues, {});
    expect(daemonFlags).toEqual(words);
    expect((await parseDaemonOptions(["daemon", ...daemonFlags])).settings).toEqual(wanted);
  });

  test("has no settings by default", async () => {
    expect(await parseDaemonOptions(["daemon"])).toEqual({
      dataRoot: "/var/lib/tare",
      runRoot: "/run/tare",
      socketPath: "/run/tare/tare.sock",
      socketGroup: undefined,
      socketMode: 0o660,
      settings: {},
      debug: false,
    });
  });

  test.each([
    [["--publish-policy=x"], 'invalid --publish-policy "x"'],
    [["--host=tcp://1.2.3.4:5"], 'cannot serve at "tcp://1.2.3.4:5"'],
    [["--socket-mode=999"], 'invalid --socket-mode "999"'],
    [["--storage-opt=x"], 'invalid storage option "x"'],
    [["stop"], 'unexpected argument "stop"'],
  ])("refuses %j", async (words, sentence) => {
    await expect(parseDaemonOptions(["daemon", ...words])).rejects.toThrow(sentence);
  });
});

test.each<[readonly string[], boolean]>([
  [["daemon"], true],
  [["--data-root", "/a", "daemon", "--debug"], true],
  [["daemon", "--run-root", "/a"], true],
  [["-H", "unix:///a", "daemon", "--unknown"], true],
  [["--debug", "daemon"], true],
  [["daemon", "stop"], false],
  [["daemon", "--help"], false],
  [["run", "image", "daemon"], false],
  [["--data-root", "daemon", "ps"], false],
])("isDaemonCommand(%j) is %p", (words, wanted) => {
  expect(isDaemonCommand(words)).toBe(wanted);
});
