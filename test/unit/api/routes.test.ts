import { describe, expect, test } from "bun:test";
import { matchRoute } from "../../../src/api/http/route-match.ts";
import { routes } from "../../../src/api/http/routes.ts";
import { parseRequestedVersion } from "../../../src/api/http/version.ts";

describe("matchRoute()", () => {
  test.each([
    ["GET", "/_ping", "system.ping", {}],
    ["HEAD", "/v1.45/_ping", "system.ping", {}],
    ["GET", "/v1.24/containers/json", "containers.list", {}],
    ["GET", "/containers/json/json", "containers.inspect", { id: "json" }],
    ["GET", "/containers/web/db/json", "containers.inspect", { id: "web/db" }],
    ["GET", "/containers/web/db/top", "containers.top", { id: "web/db" }],
    ["GET", "/containers/web/db/attach/ws", "containers.attachWebSocket", { id: "web/db" }],
    ["POST", "/containers/web/db/exec", "exec.create", { id: "web/db" }],
    ["DELETE", "/containers/web/db", "containers.remove", { id: "web/db" }],
    ["DELETE", "/v1.45/containers/a%20b", "containers.remove", { id: "a b" }],
    ["POST", "/v1.45/containers/x/start/", "containers.start", { id: "x" }],
    ["GET", "/images/json", "images.list", {}],
    ["GET", "/images/reg:5000/a/b:c/json", "images.inspect", { name: "reg:5000/a/b:c" }],
    ["GET", "/images/json/json", "images.inspect", { name: "json" }],
    ["GET", "/images/a%2Fb@sha256:c/history", "images.history", { name: "a/b@sha256:c" }],
    ["GET", "/images/get", "images.saveMany", {}],
    ["DELETE", "/images/a/b", "images.remove", { name: "a/b" }],
    ["POST", "/images/a/tag/tag", "images.tag", { name: "a/tag" }],
    ["GET", "/plugins", "system.plugins", {}],
    ["POST", "/plugins/pull", "swarm.refusePlugins", { path: "pull" }],
    ["GET", "/services/a/logs", "swarm.refuse", { path: "a/logs" }],
    ["DELETE", "/v1.51/secrets/a", "swarm.refuseSecrets", { path: "a" }],
  ] as const)("%s %s is %s %j", (method, path, operation, params) => {
    const match = matchRoute(method, path);
    expect(match.route.operation).toBe(operation);
    expect({ ...match.params }).toEqual(params);
  });

  test.each([
    ["GET", "/"],
    ["GET", ""],
    ["POST", "/_ping"],
    ["GET", "/v1.45"],
    ["GET", "//containers/json"],
    ["GET", "/containers//json"],
    ["CONNECT", "/info"],
    ["constructor", "/info"],
  ])("%s %j is no page", (method, path) => {
    expect(() => matchRoute(method, path)).toThrow("page not found");
  });

  test("each row's path is found under its own operation, or an earlier row's", () => {
    for (const { method, path, operation } of routes) {
      const sample = path
        .replace("{name...}", "a/b")
        .replace("{path...}", "a/b")
        .replace(/\{id(?:\.\.\.)?\}/, "x");
      expect([sample, matchRoute(method, sample).route.operation]).toEqual([sample, operation]);
    }
  });
});

describe("versions", () => {
  test.each([
    ["1.24", 1024],
    ["1.45", 1045],
    ["1.51", 1051],
    ["1.56", 1056],
    [undefined, 1056],
  ] as const)("parseRequestedVersion(%j)", (text, version) => {
    expect(parseRequestedVersion(text)).toBe(version);
  });

  test.each([
    [
      "1.23",
      "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client",
    ],
    ["1.57", "client version 1.57 is too new. Maximum supported API version is 1.56"],
    ["2", "client version 2 is too new"],
    ["1..5", 'cannot read API version "1..5"'],
  ])("parseRequestedVersion(%j) is refused", (text, sentence) => {
    expect(() => parseRequestedVersion(text)).toThrow(sentence);
  });
});
