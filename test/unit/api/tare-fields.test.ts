import { describe, expect, test } from "bun:test";
import { parseContainerSpec } from "../../../src/api/container/parse-spec.ts";
import { parseCreateRequest } from "../../../src/api/container/create-request.ts";
import { formatTareFields } from "../../../src/api/container/tare-fields.ts";
import type { ContainerSpec } from "../../../src/model/container-spec.ts";

function plan(fields: object) {
  return parseContainerSpec(parseCreateRequest({ Image: "x", HostConfig: { Tare: fields } }), undefined);
}

describe("parseTareFields()", () => {
  test("gives what the fields ask for, and formatTareFields() the fields back", () => {
    const asked = {
      Umask: "0027",
      TimeOffset: "monotonic=1h0m0s",
      RecordCalls: true,
      NoHosts: true,
      Personality: "LINUX32",
      NoHostname: true,
    };
    const wanted: Partial<ContainerSpec> = {
      process: { umask: 0o027, personality: "LINUX32" },
      isolation: { timeOffsets: { monotonicMs: 3_600_000 }, recordCalls: true },
      network: { ownsHosts: true, ownsHostname: true },
    };
    expect(plan(asked)).toMatchObject(wanted);
    expect(formatTareFields(plan(asked))).toEqual({ Tare: asked });
  });

  test("formatTareFields() leaves the field out when nothing is asked for", () => {
    expect(formatTareFields(plan({}))).toEqual({});
  });

  test.each([
    [{ Umask: "8" }, 'invalid umask "8": must be octal, 0000 to 0777'],
    [{ Umask: "1777" }, 'invalid umask "1777": must be octal, 0000 to 0777'],
    [{ Personality: "linux" }, 'invalid personality "linux": must be LINUX or LINUX32'],
    [{ Umask: 18 }, "invalid JSON: HostConfig.Tare.Umask must be a text"],
  ])("refuses %j", (fields, sentence) => {
    expect(() => plan(fields)).toThrow(sentence);
  });
});
