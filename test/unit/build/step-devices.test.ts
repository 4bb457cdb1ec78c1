import { describe, expect, test } from "bun:test";
import { resolveStepDevices } from "../../../src/engine/builds/resolve-step-devices.ts";

const ofClass = (name: string) => ({ "org.mobyproject.buildkit.device.class": name });
const allowed = { "org.mobyproject.buildkit.device.autoallow": "true" };
const known = new Map<string, Readonly<Record<string, string>>>([
  ["free.com/device=a", allowed],
  ["vendor1.com/device=bar", ofClass("class1")],
  ["vendor1.com/device=baz", ofClass("class1")],
  ["vendor1.com/device=foo", {}],
]);

function resolve(names: readonly string[], entitlements: readonly string[] = ["device"], required = true) {
  return resolveStepDevices(
    names.map((name) => ({ name, required })),
    { known, entitlements },
  );
}

describe("resolveStepDevices()", () => {
  test.each([
    ["a device", ["vendor1.com/device=foo"], ["vendor1.com/device=foo"]],
    ["the first of a vendor", ["vendor1.com/device"], ["vendor1.com/device=bar"]],
    [
      "all of a vendor",
      ["vendor1.com/device=*"],
      ["vendor1.com/device=bar", "vendor1.com/device=baz", "vendor1.com/device=foo"],
    ],
    ["a class", ["class1"], ["vendor1.com/device=bar", "vendor1.com/device=baz"]],
    ["each once", ["vendor1.com/device=foo", "vendor1.com/device=foo"], ["vendor1.com/device=foo"]],
  ])("finds %s", (_, names, wanted) => {
    expect(resolve(names)).toEqual(wanted);
  });

  test("leaves out what is not there, unless it is required", () => {
    expect(resolve(["vendor1.com/device=no", "none.com/device", "class2"], [], false)).toEqual([]);
    expect(() => resolve(["none.com/device=a"])).toThrow(
      'required device "none.com/device=a" is not registered',
    );
  });

  test("refuses what no entitlement allows", () => {
    expect(() => resolve(["vendor1.com/device=foo", "free.com/device"], [])).toThrow(
      "device vendor1.com/device=foo is requested by the build but not allowed: allow it with --allow device",
    );
    expect(() => resolve(["class1"], ["network.host"])).toThrow(
      "devices vendor1.com/device=bar, vendor1.com/device=baz are requested by the build but not allowed",
    );
    expect(resolve(["free.com/device"], [])).toEqual(["free.com/device=a"]);
  });

  test("an entitlement can allow some devices", () => {
    expect(resolve(["class1"], ["device=class1"])).toHaveLength(2);
    expect(() => resolve(["vendor1.com/device=*"], ["device=class1"])).toThrow(
      "device vendor1.com/device=foo is requested by the build but not allowed",
    );
  });
});
