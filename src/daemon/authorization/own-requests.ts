import type { Operation, Route } from "../../api/http/routes.ts";
import { Failure } from "../../base/failure.ts";

/** `[method, uri]` */
export type PlannedRequest = readonly [method: string, uri: string];

/**
 * What plug-ins decide about Tare's own routes, by operation. A request, as `GET /path`: Docker's request that reveals
 * or does the same; plug-ins have to allow that, too. "itself": nothing that Docker's requests reveal or do. "refused":
 * it does what Docker's requests do, in steps that a plug-in would not see. A route that is missing here is refused.
 */
const ownRequests: Readonly<Record<Operation, string>> = {
  // The launcher executes the main binary, which sends Docker's requests.
  "tare.run": "refused",
  "tare.exec": "refused",
  "tare.logs": "refused",
  "tare.command": "refused",
  "tare.storage-bench": "refused",
  "pods.create": "refused",
  "pods.prune": "refused",
  "pods.start": "refused",
  "pods.stop": "refused",
  "pods.restart": "refused",
  "pods.kill": "refused",
  "pods.pause": "refused",
  "pods.unpause": "refused",
  "pods.remove": "refused",
  "builds.buildWithOptions": "POST /build",
  "containers.checkHealth": "POST /containers/{id}/exec",
  "manifests.push": "POST /images/{name}/push",
  "pods.list": "GET /containers/json",
  "pods.inspect": "GET /containers/json",
  "tare.namespaces": "GET /containers/json",
  "images.tree": "GET /images/json",
  "tare.usage": "GET /system/df",
  "tare.reach": "GET /networks",
  "tare.check": "GET /info",
  "manifests.fetch": "GET /distribution/{name}/json",
  // The client of a build that was allowed answers it.
  "builds.connectAgent": "itself",
  "tare.build": "itself",
  "tare.descriptors": "itself",
  "tare.settle": "itself",
  "tare.shutdown": "itself",
  "manifests.list": "itself",
  "manifests.create": "itself",
  "manifests.inspect": "itself",
  "manifests.annotate": "itself",
  "manifests.remove": "itself",
  "secrets.list": "itself",
  "secrets.create": "itself",
  "secrets.inspect": "itself",
  "secrets.remove": "itself",
};

/** Parameters of Docker's routes that only Tare's client sends; what they ask for is presented as steps. */
const ownParameters: Readonly<Record<Operation, readonly string[]>> = {
  "containers.create": ["run", "until", "stdin", "stdout", "stderr"],
  "containers.start": ["attached", "until", "descriptors"],
  "exec.start": ["descriptors"],
};

/** The rule for a route: see `ownRequests`. Docker's own routes are presented as they are. Pure. */
export function findRule({ path, operation }: Pick<Route, "path" | "operation">): string {
  return path.startsWith("/tare/") ? (ownRequests[operation] ?? "refused") : "itself";
}

/** Whether bodies of this operation contain credentials or secrets: plug-ins receive neither request's nor reply's. */
export function hasSecretBody(operation: Operation): boolean {
  return (
    operation === "system.login" ||
    operation === "builds.buildWithOptions" ||
    operation.startsWith("secrets.")
  );
}

/**
 * The requests that plug-ins have to allow before this one is served. The paths are those that the daemon acts on,
 * however they were written. Pure. Throws "unsupported" for what is refused while there are plug-ins, "invalid" for a
 * path that plug-ins could understand differently.
 */
export function planRequests({
  route,
  method,
  path,
  parameters,
  params,
}: {
  readonly route: Pick<Route, "path" | "operation">;
  readonly method: string;
  readonly path: string;
  /** The query, as it came. */
  readonly parameters: string;
  readonly params: Readonly<Record<string, string>>;
}): readonly PlannedRequest[] {
  const rule = findRule(route);
  if (rule === "refused")
    throw new Failure(
      "unsupported",
      `cannot serve ${method} ${route.path}: authorization plug-ins are in use, and they would not see its steps as Docker's requests`,
    );
  const query = withoutOwn(route.operation, parameters);
  const first: PlannedRequest = [method, query === "" ? plainPath(path) : `${plainPath(path)}?${query}`];
  if (rule === "itself") return [first];
  const [otherMethod = "", other = ""] = rule.split(" ");
  const uri = other.replace(/\{(\w+)\}/, (_, name: string) => encodePath(params[name] ?? ""));
  return [first, [otherMethod, `${versionIn(path)}${uri}`]];
}

/** `/v1.51/info` → `/v1.51`; "" for a path without version. */
export function versionIn(path: string): string {
  return /^\/v[\d.]+(?=\/)/.exec(path)?.[0] ?? "";
}

function withoutOwn(operation: Operation, parameters: string): string {
  const own = ownParameters[operation] ?? [];
  const query = new URLSearchParams(parameters);
  if (!own.some((name) => query.has(name))) return parameters;
  for (const name of own) query.delete(name);
  return query.toString();
}

/** `/containers/a%62c/start/` → `/containers/abc/start`. */
function plainPath(path: string): string {
  const decoded = decodeURIComponent(path.replace(/(?<=.)\/$/, ""));
  if (/\/\/|\/\.{1,2}(?:\/|$)|[?#]/.test(decoded))
    throw new Failure(
      "invalid",
      "cannot authorize the request: its path has empty components, dots, or marks of a query",
    );
  return encodePath(decoded);
}

function encodePath(path: string): string {
  return path.split("/").map(encodePart).join("/");
}

/** As Go writes paths. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(/%(?:3A|40|26|3D|2B|24|2C)/g, decodeURIComponent);
}
