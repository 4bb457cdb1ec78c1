import { expect, test } from "bun:test";
import { formatKeysHeader, parseKeysHeader } from "../../../src/api/image/encryption-keys.ts";
import { parsePodSpec } from "../../../src/api/pod/pod-request.ts";

test("parseKeysHeader() gives what formatKeysHeader() took, and refuses what is none", () => {
  const keys = ["-----BEGIN PUBLIC KEY-----\n+/\n", "ü"];
  expect(parseKeysHeader(formatKeysHeader(keys))).toEqual(keys);
  expect(parseKeysHeader(undefined)).toEqual([]);
  expect(parseKeysHeader("")).toEqual([]);
  for (const wrong of ["%%", formatKeysHeader([]).slice(1), "e30", "WzFd", "x".repeat(100_000), ["a", "b"]])
    expect(() => parseKeysHeader(wrong)).toThrow("cannot read a header of keys");
});

test("parsePodSpec() takes what belongs to a pod, and leaves the rest of a container's request", () => {
  expect(parsePodSpec(undefined)).toEqual({ extraHosts: [] });
  expect(
    parsePodSpec({
      Name: "web",
      Share: ["net", "pid"],
      Labels: { a: "b" },
      Hostname: "h",
      Cmd: ["true"],
      Image: "busybox",
      HostConfig: { NetworkMode: "host", UsernsMode: "private", Privileged: true, Binds: ["/:/host"] },
    }),
  ).toEqual({
    name: "web",
    share: ["network", "pid"],
    labels: { a: "b" },
    hostname: "h",
    network: "host",
    user: "private",
    extraHosts: [],
  });
  for (const [body, words] of [
    [{ Name: 7 }, "Name must be a text"],
    [{ Share: {} }, "Share must be a list"],
    [{ Labels: { a: 1 } }, "Labels"],
    [{ HostConfig: { Dns: "x" } }, "HostConfig.Dns must be a list"],
    ["text", "must be an object"],
  ] as const)
    expect(() => parsePodSpec(body)).toThrow(words);
});
