import { describe, expect, test } from "bun:test";
import { mergePortRanges, subtractPortRanges } from "../../../src/spec/merge-ports.ts";
import {
  formatPortRange,
  parsePortRange,
  type PortRange,
  spellOutPorts,
} from "../../../src/spec/port-range.ts";

const run = (text: string): PortRange => parsePortRange(text) as PortRange;
const join = (texts: readonly string[]): readonly string[] =>
  mergePortRanges(texts.map(run)).map(formatPortRange);

describe("parsePortRange()", () => {
  test("reads ports and ranges", () => {
    expect(parsePortRange("80")).toEqual({ protocol: "tcp", first: 80, last: 80 });
    expect(parsePortRange("8000-8010/UDP")).toEqual({ protocol: "udp", first: 8000, last: 8010 });
  });

  test.each(["", "x", "0/tcp", "2-1/tcp", "70000/tcp", "80/icmp", "80/"])("%p is no port", (text) => {
    expect(parsePortRange(text)).toBeUndefined();
  });
});

test("spellOutPorts() gives each of them", () => {
  expect(spellOutPorts("8000-8002/udp")).toEqual(["8000/udp", "8001/udp", "8002/udp"]);
  expect(spellOutPorts("80")).toEqual(["80/tcp"]);
  expect(spellOutPorts("nonsense")).toEqual([]);
});

describe("mergePortRanges()", () => {
  test.each([
    [["81/tcp", "80/tcp", "82/tcp"], ["80-82/tcp"]],
    [
      ["80/tcp", "81/udp"],
      ["80/tcp", "81/udp"],
    ],
    [
      ["80-90/tcp", "85/tcp", "88-95/tcp", "97/tcp"],
      ["80-95/tcp", "97/tcp"],
    ],
    [
      ["65535/tcp", "1/tcp"],
      ["1/tcp", "65535/tcp"],
    ],
  ])("%j are %j", (texts, wanted) => {
    expect(join(texts)).toEqual(wanted);
  });

  test("makes one of a thousand", () => {
    expect(join(Array.from({ length: 1000 }, (_, at) => `${20_999 - at}/tcp`))).toEqual(["20000-20999/tcp"]);
  });
});

describe("subtractPortRanges()", () => {
  test.each([
    ["80-90/tcp", ["85/tcp"], ["80-84/tcp", "86-90/tcp"]],
    ["80-90/tcp", ["70-80/tcp", "90-99/tcp"], ["81-89/tcp"]],
    ["80-90/tcp", ["1-100/tcp"], []],
    ["80-90/tcp", ["1-100/udp", "91/tcp", "79/tcp"], ["80-90/tcp"]],
    ["80/tcp", ["80/tcp", "80/tcp"], []],
  ])("%s without %j is %j", (text, others, wanted) => {
    expect(subtractPortRanges(run(text), others.map(run)).map(formatPortRange)).toEqual(wanted);
  });
});
