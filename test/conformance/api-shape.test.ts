import { describe, expect, test } from "bun:test";
import { routes } from "../../src/api/http/routes.ts";
import { startDaemon } from "../unit/daemon/daemon-under-test.ts";
import { bodyOf, rawRequest, requestText, statusOf } from "../unit/daemon/raw-request.ts";
import { findReplyProblems } from "../support/check-reply.ts";
import { findSwagger, type Swagger } from "../support/swagger.ts";

const versions = ["1.45", "1.51", "1.56"] as const;
const available = process.env["TARE_REFERENCE"] !== undefined;
if (!available) console.log("skipped: the API's reference (set TARE_REFERENCE to its folder)");

function swaggerOf(version: string): Swagger {
  const swagger = findSwagger(version);
  if (swagger === undefined) throw new Error("TARE_REFERENCE is not set");
  return swagger;
}

/** [method, path of the reference, path to ask, body, status] */
const replies = [
  ["GET", "/containers/json", "/containers/json?all=1", "", 200],
  ["GET", "/containers/{id}/json", "/containers/web/json", "", 200],
  ["POST", "/containers/create", "/containers/create?name=other", '{"Image":"busybox"}', 201],
  ["POST", "/containers/{id}/wait", "/containers/done/wait", "", 200],
  ["POST", "/containers/{id}/exec", "/containers/web/exec", '{"Cmd":["exit","0"]}', 201],
  ["GET", "/exec/{id}/json", "/exec/EXEC/json", "", 200],
  ["GET", "/containers/{id}/stats", "/containers/web/stats", "", 200],
  ["GET", "/containers/{id}/stats", "/containers/web/stats?stream=0", "", 200],
  ["GET", "/containers/{id}/stats", "/containers/done/stats?stream=false&one-shot=true", "", 200],
  ["GET", "/images/json", "/images/json", "", 200],
  ["GET", "/images/json", "/images/json?manifests=1", "", 200],
  ["GET", "/images/{name}/json", "/images/busybox/json", "", 200],
  ["GET", "/images/{name}/json", "/images/busybox/json?manifests=1", "", 200],
  ["GET", "/images/{name}/history", "/images/busybox/history", "", 200],
  ["DELETE", "/images/{name}", "/images/busybox:latest", "", 200],
  ["GET", "/info", "/info", "", 200],
  ["GET", "/version", "/version", "", 200],
  ["GET", "/system/df", "/system/df", "", 200],
  ["GET", "/containers/json", "/containers/json?all=1&size=1", "", 200],
  ["GET", "/containers/{id}/json", "/containers/web/json?size=1", "", 200],
  ["POST", "/containers/prune", "/containers/prune", "", 200],
  ["POST", "/images/prune", "/images/prune", "", 200],
  ["POST", "/networks/prune", "/networks/prune", "", 200],
  ["POST", "/build/prune", "/build/prune", "", 200],
  ["GET", "/networks", "/networks", "", 200],
  ["GET", "/networks/{id}", "/networks/none", "", 200],
  ["GET", "/volumes", "/volumes", "", 200],
  ["POST", "/volumes/create", "/volumes/create", '{"Name":"new","Labels":{"a":"b"}}', 201],
  ["GET", "/volumes/{name}", "/volumes/used", "", 200],
  ["GET", "/volumes/{name}", "/volumes/nope", "", 404],
  ["DELETE", "/volumes/{name}", "/volumes/used", "", 409],
  ["POST", "/volumes/prune", "/volumes/prune", "", 200],
  ["GET", "/events", "/events?since=1&until=2000000000", "", 200],
  ["GET", "/containers/{id}/json", "/containers/nope/json", "", 404],
  ["POST", "/containers/create", "/containers/create", '{"Image":"nope"}', 404],
  ["POST", "/containers/create", "/containers/create?name=web", '{"Image":"busybox"}', 409],
  ["POST", "/containers/create", "/containers/create", '{"Image":5}', 400],
  ["DELETE", "/containers/{id}", "/containers/web", "", 409],
  ["GET", "/images/{name}/json", "/images/nope/json", "", 404],
] as const;

describe.skipIf(!available).each(versions)(
  "replies of version %s are of the reference's shape",
  (version) => {
    test.each(replies)("%s %s as %s%s: %d", async (method, path, target, body, status) => {
      await using daemon = await startDaemon();
      const { containers } = daemon.client;
      const HostConfig = { Binds: ["/tmp:/x"], Memory: 64 << 20, Annotations: { a: "b" } };
      await containers.create({ Image: "busybox", Cmd: ["sleep", "9"], HostConfig }, { name: "web" });
      await containers.start("web");
      await containers.create({ Image: "busybox", Cmd: ["exit", "3"] }, { name: "done" });
      await containers.start("done");
      await daemon.client.volumes.create({ Name: "used", DriverOpts: { type: "tmpfs", device: "tmpfs" } });
      const { Id: exec } = await containers.createExec("web", { Cmd: ["exit", "4"], User: "1" });
      const line = `${method} /v${version}${target.replace("EXEC", exec)}`;
      const reply = await rawRequest(daemon.socketPath, requestText(line, body));
      expect(statusOf(reply)).toBe(status);
      const text = bodyOf(reply).replace(/^[0-9a-f]+\r\n/, "");
      expect(swaggerOf(version).has(path, method)).toBe(true);
      const [, asked = ""] = line.split(" ");
      expect(
        findReplyProblems({ method, target: asked, status, text: text.split("\n", 1)[0] ?? "" }),
      ).toEqual([]);
    });
  },
);

test.skipIf(!available)("every route is in the reference, or known to be older or our own", () => {
  const swagger = swaggerOf("1.56");
  const unknown = routes
    // Swarm and plugins are refused below their paths, whatever comes behind.
    .filter(({ path, operation }) => !path.startsWith("/tare/") && !operation.startsWith("swarm.refuse"))
    .map(({ method, path }) => `${method} ${path.replace("...", "")}`)
    .filter((row) => !swagger.has(row.slice(row.indexOf(" ") + 1), row.slice(0, row.indexOf(" "))));
  expect(unknown).toEqual(["OPTIONS /", "OPTIONS /{path}", "POST /build/cancel", "POST /grpc"]);
});

test.skipIf(!available)("problems() tells a wrong reply from a right one", () => {
  const swagger = swaggerOf("1.45");
  expect(swagger.problems("/containers/create", "POST", 201, { Id: 5 })).toEqual([
    ".Warnings is missing",
    ".Id is 5, not of type string",
  ]);
  expect(swagger.problemsOf("ContainerState", { Status: "dancing" })).toEqual(['.Status is "dancing"']);
  expect(swagger.problemsOf("ContainerState", { Mood: "good" })).toEqual([".Mood is not described"]);
  expect(swagger.problemsOf("HealthcheckResult", { Start: "today" })).toEqual([
    '.Start is "today", not a time',
  ]);
  expect(swagger.problemsOf("Volume", { Name: "a", Driver: "local", Mountpoint: "/", Labels: null })).toEqual(
    [".Scope is missing", ".Options is missing", ".Labels is null"],
  );
});

test.skipIf(!available)("findReplyProblems() compares bodies of all kinds, and statuses", () => {
  const of = (line: string, status: number, text: string): readonly string[] => {
    const [method = "", target = ""] = line.split(" ");
    return findReplyProblems({ method, target, status, text });
  };
  expect(of("GET /v1.45/info?a=1", 200, "none")).toEqual(["the body is no JSON"]);
  expect(of("GET /v1.51/containers/json", 200, "")).toEqual(["the body is empty"]);
  expect(of("GET /containers/json", 200, "[5]")).toEqual(["[0] is 5, not of type object"]);
  expect(of("POST /containers/a/start", 201, "")).toEqual(["POST /containers/{id}/start has no reply 201"]);
  expect(of("GET /events", 200, '{"scope":"local"}\n{"scope":"far"}\n')).toEqual(['.scope is "far"']);
  expect(of("POST /v1.45/images/create?fromImage=a", 200, '{"status":5}\n')).toEqual([
    ".status is 5, not of type string",
  ]);
  expect(of("GET /nowhere", 404, "page not found")).toEqual(["the refusal is no JSON object"]);
  expect(of("GET /nowhere", 404, '{"message":"a","code":5}')).toEqual(["the refusal has code"]);
});
