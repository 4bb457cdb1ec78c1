import { expect, test } from "bun:test";
import { withOverrides } from "../../../src/spec/registry/registry-overrides.ts";

const mirror = { location: "m1:5000", insecure: true, pulls: "all" } as const;
const own = { location: "own", insecure: false, pulls: "all" } as const;

test("withOverrides() adds rules for insecure registries and Docker Hub's mirrors", () => {
  expect(
    withOverrides({ rules: [] }, { insecure: ["reg:5000"], mirrors: ["http://m1:5000/"] }).rules,
  ).toEqual([
    { prefix: "reg:5000", insecure: true, blocked: false, mirrors: [] },
    { prefix: "docker.io", insecure: false, blocked: false, mirrors: [mirror] },
  ]);
});

test("withOverrides() changes the rules that are there, and keeps their mirrors first", () => {
  const rules = [
    { prefix: "reg:5000/team", insecure: false, blocked: true, mirrors: [] },
    { prefix: "docker.io", insecure: false, blocked: false, mirrors: [own] },
  ];
  expect(withOverrides({ rules }, { insecure: ["reg:5000"], mirrors: ["http://m1:5000"] }).rules).toEqual([
    { prefix: "reg:5000/team", insecure: true, blocked: true, mirrors: [] },
    { prefix: "docker.io", insecure: false, blocked: false, mirrors: [own, mirror] },
    { prefix: "reg:5000", insecure: true, blocked: false, mirrors: [] },
  ]);
});
