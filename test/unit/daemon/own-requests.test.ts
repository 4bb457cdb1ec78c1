import { expect, test } from "bun:test";
import { matchRoute } from "../../../src/api/http/route-match.ts";
import { routes } from "../../../src/api/http/routes.ts";
import { isFailure } from "../../../src/base/failure.ts";
import { findRule, hasSecretBody, planRequests } from "../../../src/daemon/authorization/own-requests.ts";

function plan(method: string, url: string): ReturnType<typeof planRequests> {
  const [path = "", parameters = ""] = url.split("?");
  const { route, params } = matchRoute(method, path);
  return planRequests({ route, method, path, parameters, params });
}

test("findRule() has a rule for each own route, and Docker's routes are presented as they are", () => {
  const own = routes.filter(({ path }) => path.startsWith("/tare/"));
  expect(own.length).toBeGreaterThan(30);
  for (const route of routes) {
    const rule = findRule(route);
    if (!own.includes(route)) expect(rule).toBe("itself");
    else if (rule !== "itself" && rule !== "refused") {
      const [method = "", path = ""] = rule.split(" ");
      const { route: docker } = matchRoute(method, path.replace(/[{}]/g, ""));
      expect(docker.path.startsWith("/tare/")).toBe(false);
      const [, parameter] = /\{(\w+)\}/.exec(path) ?? [];
      if (parameter !== undefined) expect(route.path).toContain(`{${parameter}`);
    }
  }
});

test("findRule() refuses an own route that nobody has decided about, and those of the launcher", () => {
  expect(findRule({ path: "/tare/new", operation: "tare.new" })).toBe("refused");
  expect(findRule({ path: "/tare/new", operation: "containers.list" })).toBe("refused");
  for (const word of ["run", "exec", "logs", "command"])
    expect(() => plan("POST", `/tare/${word}`)).toThrow("authorization plug-ins are in use");
  const refused = routes.filter((route) => findRule(route) === "refused");
  const launcher = ["tare.run", "tare.exec", "tare.logs", "tare.command"];
  const verbs = ["create", "prune", "start", "stop", "restart", "kill", "pause", "unpause", "remove"];
  const pods = verbs.map((verb) => `pods.${verb}`);
  const operations: readonly string[] = refused.map(({ operation }) => operation);
  expect(operations).toEqual([...launcher, ...pods, "tare.storage-bench"]);
});

test("planRequests() gives the path that the daemon acts on, without Tare's own parameters", () => {
  expect(plan("GET", "/v1.45/containers/json?all=1")).toEqual([["GET", "/v1.45/containers/json?all=1"]]);
  expect(plan("GET", "/containers/w%65b/json/")).toEqual([["GET", "/containers/web/json"]]);
  expect(plan("POST", "/v1.51/containers/a/start?attached=1&until=removed&detachKeys=x")).toEqual([
    ["POST", "/v1.51/containers/a/start?detachKeys=x"],
  ]);
  expect(plan("POST", "/containers/create?name=a&run=1&until=removed&stdin=0&stdout=1&stderr=1")).toEqual([
    ["POST", "/containers/create?name=a"],
  ]);
  expect(plan("GET", "/images/reg:5000%2Fa@sha256:0/json")).toEqual([
    ["GET", "/images/reg:5000/a@sha256:0/json"],
  ]);
});

test("planRequests() presents Docker's request that does the same, too", () => {
  expect(plan("POST", "/v1.51/tare/containers/web/healthcheck")).toEqual([
    ["POST", "/v1.51/tare/containers/web/healthcheck"],
    ["POST", "/v1.51/containers/web/exec"],
  ]);
  expect(plan("GET", "/tare/pods")).toEqual([
    ["GET", "/tare/pods"],
    ["GET", "/containers/json"],
  ]);
});

test.each([
  "/containers/..%2Fimages/json",
  "/containers/a%3Fb/json",
  "/containers/a%23/json",
  "/images/a//b/json",
])("planRequests() refuses %s, which plug-ins could understand differently", (path) => {
  try {
    plan("GET", path);
    throw new Error("it was planned");
  } catch (thrown) {
    expect(isFailure(thrown, "invalid")).toBe(true);
  }
});

test("hasSecretBody() is true for credentials and secrets", () => {
  expect(routes.filter(({ operation }) => hasSecretBody(operation)).map(({ path }) => path)).toEqual([
    "/auth",
    "/tare/secrets",
    "/tare/secrets/create",
    "/tare/secrets/{name}/json",
    "/tare/secrets/{name}",
    "/tare/builds",
  ]);
});
