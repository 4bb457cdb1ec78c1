import { Failure, kindOf, sentenceOf } from "../base/failure.ts";
import { type JsonNode, readJson } from "../spec/json-reader.ts";
import { parseReference } from "../spec/reference.ts";
import type { AccessOptions, Registries } from "./registries.ts";
import { readBody } from "./registry/connection.ts";
import type { Repository } from "./registry/repository.ts";
import { nextPage } from "./registry/tags.ts";

export interface FoundRepository {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

export interface SearchOptions extends Omit<AccessOptions, "action"> {
  readonly registries: Registries;
  readonly limit: number;
}

const maxBytes = 4 * 1024 * 1024;
const maxPages = 1000;
const dockerHub = "docker.io";
const dockerSearch = "https://index.docker.io/v1/search";

/**
 * Repositories of a registry whose name or description has the words: by the search of the registry's first protocol,
 * which Docker Hub and a few others have; else by going through its catalog. Throws "unsupported" for a registry that
 * has neither.
 */
export async function searchRegistry(
  { registry, words }: { readonly registry: string; readonly words: string },
  { registries, limit, ...access }: SearchOptions,
): Promise<readonly FoundRepository[]> {
  const anywhere = parseReference(`${registry}/search/any`);
  return await registries.with(anywhere, { ...access, action: "search" }, async (repository) => {
    let first: unknown;
    try {
      return await searchIndex(repository, { registry, words, limit });
    } catch (thrown) {
      if (
        registry === dockerHub ||
        !["not-found", "unsupported", "invalid", "corrupt"].includes(kindOf(thrown))
      )
        throw thrown;
      first = thrown;
    }
    try {
      return await searchCatalog(repository, { registry, words, limit });
    } catch (thrown) {
      if (kindOf(thrown) === "unsupported" && kindOf(first) === "corrupt") throw first;
      throw thrown;
    }
  });
}

interface Wanted {
  readonly registry: string;
  readonly words: string;
  readonly limit: number;
}

/** SPEC: Docker Registry API v1, "Search" */
async function searchIndex(
  repository: Repository,
  { registry, words, limit }: Wanted,
): Promise<readonly FoundRepository[]> {
  const to = new URL(registry === dockerHub ? dockerSearch : new URL("/v1/search", repository.origin));
  to.searchParams.set("q", words);
  to.searchParams.set("n", String(limit));
  const reply = await repository.send({ method: "GET", to, expects: [200], scopes: [] });
  const body = await readBody(reply, reply.url, maxBytes);
  const results = decoding(() => readJson(body, { what: "the search's results" }).at("results"));
  if (!results.present) throw new Failure("unsupported", `cannot search ${registry}: it gives no results`);
  return decoding(() => readResults(results))
    .slice(0, limit)
    .map((found) => (registry === dockerHub ? found : { ...found, name: `${registry}/${found.name}` }));
}

function readResults(results: JsonNode): readonly FoundRepository[] {
  return results.list((node) => ({
    name: node.at("name").text(),
    description: node.at("description").optional((text) => text.anyText()) ?? "",
    stars: node.at("star_count").optional((stars) => stars.count()) ?? 0,
    isOfficial: node.at("is_official").optional((truth) => truth.boolean()) ?? false,
    isAutomated: false,
  }));
}

/** What the registry has sent is read in dockerd's words. */
function decoding<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw new Failure("corrupt", `error decoding registry search results: ${sentenceOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** SPEC: distribution's "Listing Repositories" */
async function searchCatalog(
  repository: Repository,
  { registry, words, limit }: Wanted,
): Promise<readonly FoundRepository[]> {
  const found: string[] = [];
  let next: URL | undefined = new URL("/v2/_catalog?n=1000", repository.origin);
  for (let page = 0; next !== undefined && found.length < limit && page < maxPages; page++) {
    const reply = await repository
      .send({ method: "GET", to: next, expects: [200], scopes: ["registry:catalog:*"] })
      .catch((thrown: unknown) => {
        if (!["not-found", "invalid", "unsupported"].includes(kindOf(thrown))) throw thrown;
        throw new Failure("unsupported", `cannot search ${registry}: it has neither a search nor a catalog`, {
          cause: thrown,
        });
      });
    const body = await readBody(reply, reply.url, maxBytes);
    const names = readJson(body, { what: "the catalog" })
      .at("repositories")
      .list((node) => node.text());
    found.push(...names.filter((name) => name.includes(words.toLowerCase())));
    next = nextPage(reply.headers["link"], reply.url);
  }
  return found.slice(0, limit).map((name) => ({
    name: `${registry}/${name}`,
    description: "",
    stars: 0,
    isOfficial: false,
    isAutomated: false,
  }));
}
