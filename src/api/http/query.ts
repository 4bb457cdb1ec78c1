import { Failure } from "../../base/failure.ts";
import { type Filters, parseFilters } from "./filters.ts";
import type { ParameterKind, Route } from "./routes.ts";
import { type ApiVersion, maximumVersion } from "./version.ts";

/** A boolean as Docker reads it: empty, `0`, `no`, `false`, `none` are false, all else is true. */
export function parseDockerBoolean(text: string): boolean {
  return !["", "0", "no", "false", "none"].includes(text.trim().toLowerCase());
}

/** A request's parameters, parsed by its row in the route table; parameters that are not in the row, or not of the version, are dropped. */
export class Query {
  readonly #kinds: Readonly<Record<string, ParameterKind>>;
  readonly #values: ReadonlyMap<string, unknown>;

  /** Throws Failure("invalid") naming the parameter that can't be read. */
  constructor(route: Route, parameters: URLSearchParams, version: ApiVersion = maximumVersion) {
    this.#kinds = route.query ?? {};
    const values = new Map<string, unknown>();
    for (const [name, kind] of Object.entries(this.#kinds)) {
      const { [name]: since = 0 } = route.querySince ?? {};
      const { [name]: until = maximumVersion } = route.queryUntil ?? {};
      const all = version < since || version > until ? [] : parameters.getAll(name);
      if (all.length > 0) values.set(name, read(name, kind, all));
    }
    this.#values = values;
  }

  boolean(name: string): boolean {
    const kind = this.#kindOf(name, "boolean");
    return this.#value<boolean>(name) ?? kind === "boolean=true";
  }

  integer(name: string): number | undefined {
    this.#kindOf(name, "integer");
    return this.#value<number>(name);
  }

  /** Undefined when absent or empty. */
  text(name: string): string | undefined {
    this.#kindOf(name, "text");
    return this.#value<string>(name) || undefined;
  }

  texts(name: string): readonly string[] {
    this.#kindOf(name, "texts");
    return this.#value<readonly string[]>(name) ?? [];
  }

  filters(name: string = "filters"): Filters {
    this.#kindOf(name, "filters");
    return this.#value<Filters>(name) ?? {};
  }

  #value<T>(name: string): T | undefined {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the route's table gave it the kind of this type
    return this.#values.get(name) as T | undefined;
  }

  #kindOf(name: string, wanted: string): ParameterKind {
    const kind = this.#kinds[name];
    if (kind === undefined || kind.split("=")[0] !== wanted) {
      throw new Failure("internal", `cannot read parameter "${name}": the route table has no such ${wanted}`);
    }
    return kind;
  }
}

function read(name: string, kind: ParameterKind, all: readonly string[]): unknown {
  const first = all[0] ?? "";
  if (first.includes("\0"))
    throw new Failure("invalid", `cannot read parameter "${name}": it has a NUL character`);
  switch (kind) {
    case "boolean":
    case "boolean=true":
      return parseDockerBoolean(first);
    case "integer":
      if (first === "") return undefined;
      if (!/^[+-]?\d{1,15}$/.test(first)) {
        throw new Failure(
          "invalid",
          `cannot read parameter "${name}": "${first.slice(0, 50)}" is not a whole number`,
        );
      }
      return Number(first);
    case "text":
      return first;
    case "texts":
      return all;
    case "filters":
      return parseFilters(first);
    default:
      return kind satisfies never;
  }
}
