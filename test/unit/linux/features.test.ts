import { afterEach, describe, expect, test } from "bun:test";
import {
  hasFeature,
  kernelIsAtLeast,
  listFeatures,
  parseKernelRelease,
} from "../../../src/linux/features.ts";

afterEach(() => {
  delete process.env["TARE_WITHOUT"];
});

describe("hasFeature()", () => {
  test("hasFeature() obeys TARE_WITHOUT, by whole names", () => {
    const before = hasFeature("openat2");
    process.env["TARE_WITHOUT"] = "lowerdir+,openat2";
    expect(hasFeature("openat2")).toBe(false);
    process.env["TARE_WITHOUT"] = "openat2x,openat";
    expect(hasFeature("openat2")).toBe(before);
  });

  test("hasFeature() finds what the minimum kernel has", () => {
    // 5.14 is our minimum: without these nothing here would run
    if (!kernelIsAtLeast(5, 14)) return;
    for (const name of ["openat2", "clone3", "mount_setattr", "close_range"] as const) {
      expect([name, hasFeature(name)]).toEqual([name, true]);
    }
  });
});

test("listFeatures() says of each how it was found", () => {
  process.env["TARE_WITHOUT"] = "lowerdir+";
  const features = listFeatures();
  expect(features.length).toBeGreaterThan(10);
  expect(features.find((feature) => feature.name === "lowerdir+")).toMatchObject({
    name: "lowerdir+",
    present: false,
    how: "TARE_WITHOUT says so",
  });
});

test("parseKernelRelease() reads what distributions write", () => {
  expect(parseKernelRelease("6.18.44-fc-v657")).toEqual({ major: 6, minor: 18 });
  expect(parseKernelRelease("5.14")).toEqual({ major: 5, minor: 14 });
});
