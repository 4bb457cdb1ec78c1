import { expect, test } from "bun:test";
import { formatHost, parseHost } from "../../../src/client/host.ts";

test.each([
  ["unix:///run/tare/tare.sock", { kind: "unix", path: "/run/tare/tare.sock" }],
  ["tcp://localhost:2375", { kind: "tcp", hostname: "localhost", port: 2375 }],
  ["tcp://10.0.0.1:99", { kind: "tcp", hostname: "10.0.0.1", port: 99 }],
  ["ssh://box", { kind: "ssh", hostname: "box" }],
  ["ssh://me@box:22/x.sock", { kind: "ssh", user: "me", hostname: "box", port: 22, path: "/x.sock" }],
  ["tcp://[::1]:99", { kind: "tcp", hostname: "::1", port: 99 }],
] as const)("parseHost(%p)", (text, host) => {
  expect(parseHost(text)).toEqual(host);
  expect(formatHost(host)).toBe(text);
});

test("parseHost() knows the default port", () => {
  expect(parseHost("tcp://box")).toEqual({ kind: "tcp", hostname: "box", port: 2375 });
});

test.each([
  "",
  "run.sock",
  "unix://run.sock",
  "tcp://",
  "tcp://a:0",
  "tcp://a:70000",
  "tcp://a b:1",
  "ssh://",
  "ssh://-oProxyCommand=x",
  "ssh://-lroot@host",
  "ssh://me:secret@host",
  "ssh://host:0",
  "ssh://host/x;y",
  "https://x",
])("parseHost(%p) is refused", (text) => {
  expect(() => parseHost(text)).toThrow(`cannot use host "${text}"`);
});
