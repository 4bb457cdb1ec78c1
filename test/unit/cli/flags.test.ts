import { describe, expect, test } from "bun:test";
import { withContainerFlags } from "../../../src/cli/container/flags/container-flags.ts";
import type { FlagTable } from "../../../src/cli/flags/flag.ts";
import { filterFlag } from "../../../src/cli/flags/filters.ts";
import {
  bool,
  bytes,
  duration,
  int,
  list,
  map,
  nanoCpus,
  optional,
  string,
} from "../../../src/cli/flags/kinds.ts";
import { type Parsed, parseFlags } from "../../../src/cli/flags/parse.ts";

const table: FlagTable = {
  all: bool("", { short: "a" }),
  cpus: nanoCpus(""),
  entry: optional(""),
  filter: filterFlag,
  interactive: bool("", { short: "i" }),
  label: map("", { short: "l" }),
  last: int("", { short: "n" }),
  memory: bytes("", { short: "m" }),
  name: string(""),
  proxy: bool("", { initial: true }),
  publish: list("", { short: "p", also: ["pub"] }),
  swap: bytes("", { unlimited: true }),
  tty: bool("", { short: "t" }),
  wait: duration(""),
};
const container: FlagTable = withContainerFlags({});

function values(...argv: readonly string[]): Readonly<Record<string, unknown>> {
  const { values: all, given } = parseFlags(table, argv);
  return Object.fromEntries([...given].map((name) => [name, all[name]]));
}

describe("parseFlags()", () => {
  test.each<[readonly string[], Readonly<Record<string, unknown>>]>([
    [["-it"], { interactive: true, tty: true }],
    [["-itp80:80"], { interactive: true, tty: true, publish: ["80:80"] }],
    [
      ["-p", "80:80", "-p=81", "--publish", "82", "--publish=83", "--pub=84"],
      { publish: ["80:80", "81", "82", "83", "84"] },
    ],
    [["--tty=false", "-i=false", "--all=1"], { tty: false, interactive: false, all: true }],
    [["-a=T"], { all: true }],
    [["--proxy=F"], { proxy: false }],
    [["--name="], { name: "" }],
    [["--name", ""], { name: "" }],
    [["--name", "--tty"], { name: "--tty" }],
    [["--name=a=b"], { name: "a=b" }],
    [["--entry="], { entry: "" }],
    [["-n5"], { last: 5 }],
    [["-n", "-1"], { last: -1 }],
    [["-n=0x10"], { last: 16 }],
    [["-n", "010"], { last: 8 }],
    [["-m", "512m"], { memory: 512 * 1024 * 1024 }],
    [["--swap", "-1"], { swap: -1 }],
    [["--cpus", "1.5"], { cpus: 1_500_000_000 }],
    [["--cpus=.25"], { cpus: 250_000_000 }],
    [["--wait", "1m30s"], { wait: 90_000 }],
    [
      ["-l", "a=b", "-l", "c", "-l", "__proto__=x"],
      { label: JSON.parse('{"a":"b","c":"","__proto__":"x"}') as unknown },
    ],
    [
      ["--filter", "Status=running", "--filter", "status = exited", "--filter=label=a=b"],
      { filter: { status: ["running", "exited"], label: ["a=b"] } },
    ],
  ])("reads %p", (argv, wanted) => expect(values(...argv)).toEqual(wanted));

  test.each<[readonly string[], string]>([
    [["--foo"], "unknown flag: --foo"],
    [["--foo=1"], "unknown flag: --foo"],
    [["--constructor"], "unknown flag: --constructor"],
    [["-z"], "unknown shorthand flag: 'z' in -z"],
    [["-itz"], "unknown shorthand flag: 'z' in -z"],
    [["-zit"], "unknown shorthand flag: 'z' in -zit"],
    [["-z=1"], "unknown shorthand flag: 'z' in -z=1"],
    [["--name"], "flag needs an argument: --name"],
    [["-p"], "flag needs an argument: 'p' in -p"],
    [["-ip"], "flag needs an argument: 'p' in -p"],
    [["--=x"], "bad flag syntax: --=x"],
    [["---x"], "bad flag syntax: ---x"],
    [
      ["--tty=x"],
      'invalid argument "x" for "-t, --tty" flag: strconv.ParseBool: parsing "x": invalid syntax',
    ],
    [
      ["-n", "x"],
      'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [["-n", ""], 'invalid argument "" for "-n, --last" flag: strconv.ParseInt: parsing "": invalid syntax'],
    [
      ["-n", "99999999999999999999"],
      'invalid argument "99999999999999999999" for "-n, --last" flag: strconv.ParseInt: parsing "99999999999999999999": value out of range',
    ],
    [["-m", "xx"], `invalid argument "xx" for "-m, --memory" flag: invalid size: 'xx'`],
    [["-m", "-1"], `invalid argument "-1" for "-m, --memory" flag: invalid size: '-1'`],
    [["--cpus", "q"], 'invalid argument "q" for "--cpus" flag: failed to parse q as a rational number'],
    [["--cpus", "0.1234567891"], 'invalid argument "0.1234567891" for "--cpus" flag: value is too precise'],
    [
      ["--filter", "foo"],
      'invalid argument "foo" for "-f, --filter" flag: bad format of filter (expected name=value)',
    ],
  ])("refuses %p in docker's words", (argv, sentence) => {
    expect(() => parseFlags(table, argv)).toThrow(sentence);
  });

  const positional = (parsed: Parsed): readonly string[] => parsed.positional;
  test("ends options at two dashes", () => {
    expect(positional(parseFlags(table, ["a", "--", "-i", "--", "--foo"]))).toEqual([
      "a",
      "-i",
      "--",
      "--foo",
    ]);
  });

  test("mixes options and arguments, or ends options at the first", () => {
    expect(positional(parseFlags(table, ["a", "-i", "b", "-", ""]))).toEqual(["a", "b", "-", ""]);
    const run = parseFlags(table, ["-i", "image", "-t", "--foo", "--"], { optionsEnd: "first" });
    expect(positional(run)).toEqual(["image", "-t", "--foo", "--"]);
    expect([...run.given]).toEqual(["interactive"]);
  });

  test("stops at --help and, where the letter is free, -h", () => {
    expect(parseFlags(table, ["--help", "--foo"]).wantsHelp).toBe(true);
    expect(parseFlags(table, ["-ih"]).wantsHelp).toBe(true);
    expect(parseFlags(container, ["-h", "name"]).values["hostname"]).toBe("name");
    expect(parseFlags(table, ["x", "--help"], { optionsEnd: "first" }).wantsHelp).toBe(false);
  });
});

describe("withContainerFlags()", () => {
  test.each<[readonly string[], string]>([
    [["-e", "=x"], 'invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x'],
    [["--label", "="], `invalid argument "=" for "-l, --label" flag: invalid label '=': empty name`],
    [["--add-host", "q"], 'invalid argument "q" for "--add-host" flag: bad format for add-host: "q"'],
    [
      ["--add-host", "q:w"],
      'invalid argument "q:w" for "--add-host" flag: invalid IP address in add-host: "w"',
    ],
    [
      ["-a", "foo"],
      'invalid argument "foo" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR',
    ],
    [["--ulimit", "a"], 'invalid argument "a" for "--ulimit" flag: invalid ulimit argument: a'],
    [["--ulimit", "x=1"], 'invalid argument "x=1" for "--ulimit" flag: invalid ulimit type: x'],
    [
      ["--ulimit", "nofile=2:1"],
      'invalid argument "nofile=2:1" for "--ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 2 > 1',
    ],
  ])("refuses %p in docker's words", (argv, sentence) =>
    expect(() => parseFlags(container, argv)).toThrow(sentence),
  );

  // The whole list of `docker run`, which must parse.
  const names =
    "add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count cpu-percent " +
    "cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems device device-cgroup-rule device-read-bps " +
    "device-read-iops device-write-bps device-write-iops disable-content-trust dns dns-option dns-search domainname entrypoint env env-file " +
    "expose gpus group-add health-cmd health-interval health-retries health-start-interval health-start-period health-timeout hostname init " +
    "interactive io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory label label-file link link-local-ip log-driver log-opt " +
    "mac-address memory memory-reservation memory-swap memory-swappiness mount name network network-alias no-healthcheck oom-kill-disable " +
    "oom-score-adj pid pids-limit platform privileged publish publish-all pull quiet read-only restart rm runtime security-opt shm-size " +
    "stop-signal stop-timeout storage-opt sysctl tmpfs tty ulimit use-api-socket user userns uts volume volume-driver volumes-from workdir";
  test("has every flag of docker create", () => {
    expect(names.split(" ").filter((name) => !Object.hasOwn(container, name))).toEqual([]);
  });

  test("gives each short letter once", () => {
    const letters = Object.values(container).flatMap(({ short }) => short ?? []);
    expect(letters.length).toBe(new Set(letters).size);
  });
});
