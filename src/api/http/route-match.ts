import { Failure } from "../../base/failure.ts";
import { type Route, routes } from "./routes.ts";
import { type ApiVersion, formatApiVersion, parseRequestedVersion } from "./version.ts";

export interface RouteMatch {
  readonly route: Route;
  readonly version: ApiVersion;
  /** The decoded parameters of the path. */
  readonly params: Readonly<Record<string, string>>;
}

interface Compiled {
  readonly route: Route;
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

const byMethod: ReadonlyMap<string, readonly Compiled[]> = new Map(
  ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].map((method) => [
    method,
    routes.filter((route) => route.method === method).map(compile),
  ]),
);

/**
 * The route for a request's method and path (no query). The first row that fits wins. Throws Failure("not-found")
 * with Docker's `page not found`, then "invalid" for a version we don't speak or a path that can't be decoded.
 */
export function matchRoute(method: string, path: string): RouteMatch {
  const versioned = /^\/v([\d.]+)(\/.*)$/.exec(path);
  const rest = versioned?.[2] ?? path;
  let version: ApiVersion | undefined;
  for (const { route, pattern, names } of byMethod.get(method) ?? []) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    version ??= parseRequestedVersion(versioned?.[1]);
    const { since = 0 } = route;
    if (version < since) {
      const asked = `${method} ${route.path.replace("...}", ":.*}")}`;
      throw new Failure("invalid", `${asked} requires minimum API version ${formatApiVersion(since)}`);
    }
    const params = Object.fromEntries(names.map((name, index) => [name, decode(match[index + 1] ?? "")]));
    return { route, version, params };
  }
  throw new Failure("not-found", "page not found");
}

function compile(route: Route): Compiled {
  const names: string[] = [];
  const source = route.path
    .replace(/[.]/g, "\\.")
    .replace(/\{(\w+)(\\\.\\\.\\\.)?\}/g, (_, name: string, many) => {
      names.push(name);
      return many === undefined ? "([^/]+)" : "(.+)";
    });
  return { route, names, pattern: new RegExp(`^${source}/?$`) };
}

function decode(part: string): string {
  let text: string;
  try {
    text = decodeURIComponent(part);
  } catch (cause) {
    throw new Failure("invalid", "cannot read the path: it is not encoded as a URL", { cause });
  }
  if (/[\0-\x1f\x7f]/.test(text))
    throw new Failure("invalid", "cannot read the path: it has control characters");
  return text;
}
