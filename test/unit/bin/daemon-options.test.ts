import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { usualConfiguration } from "../../../src/daemon/configuration.ts";
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
      hosts: [{ kind: "unix", path: "/run/tare/tare.sock" }],
      tls: undefined,
      socketGroup: undefined,
      socketMode: 0o660,
      settings: {},
      logFormat: "text",
      pidFile: undefined,
      metrics: undefined,
      cri: undefined,
      validate: false,
      configuration: usualConfiguration,
    });
  });

  test("metrics have an address and a port, and a warning where others can reach them", async () => {
    const metricsOf = async (address: string): Promise<unknown> => {
      const { metrics, configuration } = await parseDaemonOptions(["daemon", `--metrics-addr=${address}`]);
      return [metrics, configuration.warnings.length];
    };
    expect(await metricsOf("127.0.0.1:9323")).toEqual([{ hostname: "127.0.0.1", port: 9323 }, 0]);
    expect(await metricsOf("[::1]:9323")).toEqual([{ hostname: "::1", port: 9323 }, 0]);
    expect(await metricsOf("localhost:1")).toEqual([{ hostname: "localhost", port: 1 }, 0]);
    expect(await metricsOf(":9323")).toEqual([{ hostname: "0.0.0.0", port: 9323 }, 1]);
    expect(await metricsOf("10.0.0.5:9323")).toEqual([{ hostname: "10.0.0.5", port: 9323 }, 1]);
    expect(await metricsOf("")).toEqual([undefined, 0]);
  });

  test.each([
    [["--metrics-addr=9323"], 'cannot serve metrics at "9323": want address:port'],
    [["--metrics-addr=127.0.0.1:0"], 'cannot serve metrics at "127.0.0.1:0"'],
    [["--metrics-addr=127.0.0.1:65536"], 'cannot serve metrics at "127.0.0.1:65536"'],
    [["--publish-policy=x"], 'invalid --publish-policy "x"'],
    [["--host=tcp://1.2.3.4:5"], "cannot serve at tcp://1.2.3.4:5: everyone who reaches it would be root"],
    [["--host=tcp://1.2.3.4:5", "--tls", "--tlscert=c", "--tlskey=k"], "cannot serve at tcp://1.2.3.4:5"],
    [["--host=http://x"], 'cannot serve at "http://x"'],
    [["--host=tcp://x:0", "--allow-unauthenticated-tcp"], 'cannot serve at "tcp://x:0"'],
    [["--tlsverify"], "it needs --tlscert FILE and --tlskey FILE"],
    [["--tlsverify", "--tlscert=c", "--tlskey=k"], "--tlsverify needs --tlscacert FILE"],
    [["--live-restore=false"], "cannot switch live-restore off"],
    [["--log-level=loud"], 'invalid --log-level "loud"'],
    [["--log-driver=syslogger"], 'cannot use the log driver "syslogger"'],
    [["--log-opt=max-size=x"], "failed to initialize logging driver: invalid size: 'x'"],
    [["--default-ipc-mode=host"], 'invalid --default-ipc-mode "host"'],
    [["--default-address-pool=base=ten,size=16"], "invalid address pool"],
    [["--default-address-pool=base=10.0.0.0/16,size=8"], "its size must be from 16 to 30"],
    [["--insecure-registry=http://x"], "should not contain '://'"],
    [["--registry-mirror=x:5000"], "invalid mirror: unsupported scheme"],
    [["--registry-mirror=https://x/path"], "invalid mirror: path, query, or fragment"],
    [["--max-concurrent-downloads=-1"], "invalid max concurrent downloads: -1"],
    [["--cdi-spec-dir=relative"], 'cannot use CDI specification directory "relative": want an absolute path'],
    [["--socket-mode=999"], 'invalid --socket-mode "999"'],
    [["--storage-opt=x"], 'invalid storage option "x"'],
    [["stop"], 'unexpected argument "stop"'],
  ])("refuses %j", async (words, sentence) => {
    await expect(parseDaemonOptions(["daemon", ...words])).rejects.toThrow(sentence);
  });

  test.each<[readonly string[], readonly string[] | undefined]>([
    [[], undefined],
    [["--feature=cdi=true"], undefined],
    [["--feature=cdi=false"], []],
    [["--feature=cdi=false", "--cdi-spec-dir=/a"], []],
    [["--cdi-spec-dir="], []],
    [
      ["--cdi-spec-dir=/b", "--cdi-spec-dir=/a"],
      ["/b", "/a"],
    ],
  ])("%j: the directories of CDI specifications are %j", async (words, directories) => {
    const { settings } = await parseDaemonOptions(["daemon", ...words]);
    expect(settings.cdiSpecDirectories).toEqual(directories);
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

describe("parseDaemonOptions() with a configuration file", () => {
  const folder = mkdtempSync(join(tmpdir(), "tare-config-"));
  const path = join(folder, "daemon.json");
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (content: unknown, ...words: readonly string[]): ReturnType<typeof parseDaemonOptions> => {
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return parseDaemonOptions(["daemon", `--config-file=${path}`, ...words]);
  };

  test("reads each example of the documents", async () => {
    const docs = join(import.meta.dir, "../../../docs");
    const files = [
      "guide/authorization.md",
      "guide/metrics.md",
      "guide/remote-access.md",
      "reference/configuration.md",
    ];
    for (const file of files) {
      const examples = [...readFileSync(join(docs, file), "utf8").matchAll(/```json\n([^`]*)```/g)];
      expect([file, examples.length]).toEqual([file, 1]);
      for (const [, text = ""] of examples) await read(text);
    }
    const { metrics } = await read({ "metrics-addr": "127.0.0.1:9323" });
    expect(metrics).toEqual({ hostname: "127.0.0.1", port: 9323 });
    const { configuration } = await read({ "authorization-plugins": ["guard", "other", "guard"] });
    expect(configuration.authorizationPlugins).toEqual(["guard", "other"]);
    await expect(read({ "authorization-plugins": ["../guard"] })).rejects.toThrow(
      "invalid authorization plugin",
    );
  });

  test("reads dockerd's keys", async () => {
    const options = await read({
      "data-root": "/d",
      "exec-root": "/r",
      hosts: ["unix:///x.sock", "tcp://10.0.0.1"],
      tlsverify: true,
      tlscacert: "/ca",
      tlscert: "/c",
      tlskey: "/k",
      group: "wheel",
      debug: true,
      "storage-driver": "vfs",
      labels: ["a=b"],
      "default-shm-size": "128m",
      "default-ulimits": { nofile: { Name: "nofile", Soft: 1, Hard: 2 } },
      "default-ipc-mode": "shareable",
      "log-opts": { "max-size": "10m" },
      dns: ["1.1.1.1"],
      init: true,
      "insecure-registries": ["reg:5000"],
      "registry-mirrors": ["http://mirror:5000"],
      "max-concurrent-downloads": 7,
      proxies: { "http-proxy": "http://p:1", "no-proxy": "x" },
      features: { buildkit: true },
      "default-address-pools": [{ base: "10.10.0.0/16", size: 24 }],
      "cdi-spec-dirs": ["/cdi/a", "/cdi/b"],
      "userland-proxy": false,
      "live-restore": true,
    });
    expect(options).toMatchObject({
      dataRoot: "/d",
      runRoot: "/r",
      hosts: [
        { kind: "unix", path: "/x.sock" },
        { kind: "tcp", hostname: "10.0.0.1", port: 2376 },
      ],
      tls: { certFile: "/c", keyFile: "/k", authoritiesFile: "/ca" },
      socketGroup: "wheel",
      settings: {
        storageDriver: "vfs",
        addressPools: [{ size: 24 }],
        cdiSpecDirectories: ["/cdi/a", "/cdi/b"],
        userlandProxy: false,
      },
      configuration: {
        logLevel: "debug",
        labels: ["a=b"],
        warnings: [],
        createDefaults: {
          shmBytes: 134_217_728,
          ipcMode: "shareable",
          init: true,
          ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
          log: { Type: "json-file", Config: { "max-size": "10m" } },
          dns: ["1.1.1.1"],
        },
        registries: {
          insecure: ["reg:5000"],
          mirrors: ["http://mirror:5000"],
          downloadsAtOnce: 7,
          proxies: { http: "http://p:1", no: "x" },
        },
        features: { buildkit: true },
      },
    });
  });

  test.each([
    ['{"debug": true,\n  "x": }', "line 2, column 8"],
    ["[]", "it is no JSON object"],
    [{ debag: true, y: 1 }, "the following directives don't match any configuration option: debag, y"],
    [{ debug: "yes" }, 'cannot use "debug": want true or false'],
    [{ dns: "1.1.1.1" }, 'cannot use "dns": want a list of strings'],
    [{ dns: ["one"] }, "one"],
    [{ "default-ulimits": { nofile: 3 } }, 'cannot use "default-ulimits"'],
    [{ proxies: { ftp: "x" } }, 'cannot use "proxies"'],
    [{ bip: "10.0.0.1/24" }, 'cannot use "bip"'],
    [{ "userns-remap": "default" }, 'cannot use "userns-remap"'],
    [{ features: { "containerd-snapshotter": true } }, 'cannot use the feature "containerd-snapshotter"'],
    [{ "live-restore": false }, "cannot switch live-restore off"],
    [{ "default-shm-size": "x" }, "default-shm-size"],
  ])("refuses %j", async (content, sentence) => {
    await expect(read(content)).rejects.toThrow(sentence);
    await expect(read(content)).rejects.toThrow(`unable to configure the daemon with file ${path}`);
  });

  test("refuses a key that is also a flag, in dockerd's words", async () => {
    await expect(read({ debug: false }, "--debug")).rejects.toThrow(
      "the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, from file: false)",
    );
    await expect(read({ hosts: ["fd://"] }, "-H", "unix:///x")).rejects.toThrow("hosts: (from flag:");
  });

  test("adds the file's hosts to that of the command that starts the daemon", async () => {
    const { hosts } = await read({ hosts: ["unix:///b"] }, "--auto-started", "-H", "unix:///a");
    expect(hosts).toEqual([
      { kind: "unix", path: "/b" },
      { kind: "unix", path: "/a" },
    ]);
  });

  test("blames the flag when the flag is wrong", async () => {
    await expect(read({ debug: true }, "--log-level=loud")).rejects.toThrow(/^invalid --log-level/);
  });

  test("warns about TCP without certificates", async () => {
    const { configuration } = await read({ hosts: ["tcp://:1"], "allow-unauthenticated-tcp": true });
    expect(configuration.warnings[0]).toStartWith(
      "WARNING: API is accessible on http://127.0.0.1:1 without encryption.",
    );
  });

  test("needs a file that was asked for, and no default one", async () => {
    await expect(parseDaemonOptions(["daemon", "--config-file=/nowhere/x.json"])).rejects.toThrow(
      "unable to configure the daemon with file /nowhere/x.json",
    );
  });
});
