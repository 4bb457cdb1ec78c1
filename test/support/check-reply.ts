import { matchRoute, type RouteMatch } from "../../src/api/http/route-match.ts";
import { formatApiVersion } from "../../src/api/http/version.ts";
import { findSwagger, type Swagger } from "./swagger.ts";

/** One reply of the Docker API, with the request as it was sent. */
export interface Reply {
  readonly method: string;
  /** `/v1.45/containers/json?all=1` */
  readonly target: string;
  readonly status: number;
  /** The whole body, or whole lines from the beginning of a stream. */
  readonly text: string;
}

/** Versions that have a reference. */
export const referenceVersions: readonly string[] = ["1.45", "1.51", "1.56"];

/** Definitions of the lines of progress streams, whose replies have no schema. */
const progressLines: Readonly<Record<string, string>> = {
  "/images/create": "CreateImageInfo",
  "/images/{name}/push": "PushImageInfo",
  "/images/load": "BuildInfo",
  "/build": "BuildInfo",
};

interface Exception {
  readonly problem: RegExp;
  readonly reason: string;
}

/** Where dockerd's own replies differ from the reference. */
const exceptions: readonly Exception[] = [
  {
    problem: /^GET \/(containers|images)\/\{\w+\}\/json \.GraphDriver\.Data is null$/,
    reason: "dockerd has no data for vfs and for images of containerd",
  },
  {
    problem: /^GET \/images\/json \[\d+\]\.Labels is null$/,
    reason: "dockerd gives the labels of the image's configuration, which may have none",
  },
  {
    problem: /^(GET|POST) \/volumes(\/create|\/\{\w+\})? (\.Volumes\[\d+\])?\.Labels is null$/,
    reason: "dockerd gives null for a volume that was created without labels",
  },
  {
    problem: /^GET \/system\/df \.(Images|Volumes)\[\d+\]\.Labels is null$/,
    reason: "as in the lists of images and volumes",
  },
  {
    problem: /\.(Tare|hugetlb_stats|pressure_stats) is not described$/,
    reason: "Tare's own",
  },
  {
    problem: /\.(GwPriority|EnableIPv4) is not described$/,
    reason: "dockerd has no form of older versions for these fields",
  },
  {
    problem: /^GET \/events \.(status|id|from) is not described$/,
    reason: "dockerd repeats these fields for clients of before 1.22, until 1.51",
  },
  {
    problem:
      /^POST \/(images\/(create|load|\{name\}\/push)|build) \.(error|errorDetail|id|aux|stream|progress) is not described$/,
    reason: "lines of progress are of one type in dockerd; the reference describes them once for each route",
  },
  {
    problem: /ImageData\.UnpackedSize is missing$/,
    reason: "the reference requires this field and describes none of the name; dockerd has none either",
  },
  {
    problem: /^GET \/containers\/\{id\}\/json \.HostConfig\.LogConfig\.Type is "local"$/,
    reason: "dockerd has a driver of this name, which the reference of 1.45 leaves out",
  },
];

const swaggers = new Map<string, Swagger | undefined>();
let compared = 0;

/** Replies of this process that were compared with a schema. */
export function comparedReplies(): number {
  return compared;
}

/**
 * What differs from the reference of the request's version, one line each. Empty without TARE_REFERENCE, for a version
 * without a reference and for Tare's own routes. Of a stream of JSON objects, each is compared. A refusal is an object
 * with a message, in all versions and routes.
 */
export function findReplyProblems(reply: Reply): readonly string[] {
  const { method, target, status, text } = reply;
  if (process.env["TARE_REFERENCE"] === undefined) return [];
  if (status >= 400) return method === "HEAD" ? [] : refusalProblems(text);
  const match = findMatch(method, target);
  if (match === undefined || isOwnStream(match, target)) return [];
  const path = match.route.path.replace("...", "");
  const swagger = swaggerOf(formatApiVersion(match.version));
  if (swagger?.has(path, method) !== true) return [];
  const found = valueProblems(swagger, path, reply);
  return [...new Set(found)].filter(
    (line) => !exceptions.some(({ problem }) => problem.test(`${method} ${path} ${line}`)),
  );
}

/** As findReplyProblems(), as a failure of the test. */
export function checkReply(reply: Reply): void {
  const problems = findReplyProblems(reply);
  if (problems.length === 0) return;
  const { method, target, status, text } = reply;
  throw new Error(
    `${method} ${target}: the reply differs from the reference: ${problems.slice(0, 5).join("; ")}\n${status} ${text.slice(0, 500)}`,
  );
}

function valueProblems(swagger: Swagger, path: string, { method, status, text }: Reply): readonly string[] {
  const line = progressLines[path];
  if (line === undefined && !swagger.describesBody(path, method, status))
    return swagger.problems(path, method, status, undefined);
  // A stream may end before there is anything to tell.
  if (text === "") return line === undefined && path !== "/events" ? ["the body is empty"] : [];
  compared++;
  const values = parseValues(text);
  if (values === undefined) return ["the body is no JSON"];
  return values.flatMap((value) =>
    line === undefined ? swagger.problems(path, method, status, value) : swagger.problemsOf(line, value),
  );
}

function refusalProblems(text: string): readonly string[] {
  const [value] = parseValues(text) ?? [];
  if (typeof value !== "object" || value === null) return ["the refusal is no JSON object"];
  const { message, ...others } = value as { readonly message?: unknown };
  if (typeof message !== "string" || message === "") return ["the refusal has no message"];
  return Object.keys(others).map((name) => `the refusal has ${name}`);
}

/** Creation and start with Tare's own parameters take the connection over. */
function isOwnStream({ route }: RouteMatch, target: string): boolean {
  const query = new URLSearchParams(target.replace(/^[^?]*/, ""));
  return (
    (route.operation === "containers.create" && query.has("run")) ||
    (route.operation === "containers.start" && query.has("attached"))
  );
}

/** One value, or one of each line. */
function parseValues(text: string): readonly unknown[] | undefined {
  try {
    return [JSON.parse(text)];
  } catch {
    try {
      return text
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => JSON.parse(line) as unknown);
    } catch {
      return undefined;
    }
  }
}

function findMatch(method: string, target: string): RouteMatch | undefined {
  try {
    return matchRoute(method, target.replace(/\?.*$/s, ""));
  } catch {
    return undefined;
  }
}

/** Parsed once a process. */
function swaggerOf(version: string): Swagger | undefined {
  if (!referenceVersions.includes(version)) return undefined;
  if (!swaggers.has(version)) swaggers.set(version, findSwagger(version));
  return swaggers.get(version);
}
