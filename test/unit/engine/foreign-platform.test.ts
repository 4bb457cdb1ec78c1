import { expect, test } from "bun:test";
import { isHandlerOf } from "../../../src/engine/builds/foreign-platform.ts";

/** As qemu-user-static registers it. */
const handler = `enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POCF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`;

test("isHandlerOf() knows the architecture of a handler by its magic", () => {
  expect(isHandlerOf(handler, "arm64")).toBe(true);
  expect(isHandlerOf(handler, "amd64")).toBe(false);
  expect(isHandlerOf(handler, "vax")).toBe(false);
  expect(isHandlerOf(handler.replace("enabled", "disabled"), "arm64")).toBe(false);
  expect(isHandlerOf("enabled\ninterpreter /usr/bin/python\nextension .py\n", "arm64")).toBe(false);
});
