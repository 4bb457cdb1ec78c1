import { Failure } from "../../base/failure.ts";
import { readJson } from "../../spec/json-reader.ts";
import { readBody } from "./connection.ts";
import type { Repository } from "./repository.ts";

const maxPageBytes = 4 * 1024 * 1024;
const maxPages = 1000;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** All tags of a repository, page by page. SPEC: OCI distribution 1.1, "Listing Tags" */
export async function listTags(repository: Repository): Promise<readonly string[]> {
  const tags = new Set<string>();
  let next: string | URL | undefined = "/tags/list?n=1000";
  for (let page = 0; next !== undefined; page++) {
    if (page >= maxPages) {
      throw new Failure("corrupt", `cannot list the tags of ${repository.path}: the registry finds no end`);
    }
    const reply = await repository.send({ method: "GET", to: next, expects: [200] });
    const body = await readBody(reply, reply.url, maxPageBytes);
    const found = readJson(body, { what: "the list of tags" }).at("tags");
    for (const tag of found.list((node) => node.text())) if (tagPattern.test(tag)) tags.add(tag);
    next = nextPage(reply.headers["link"], reply.url);
  }
  return [...tags];
}

/** SPEC: RFC 8288; SAFETY: a page of the same registry, for it gets our password. */
export function nextPage(link: string | string[] | undefined, from: URL): URL | undefined {
  const [, place] = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(String(link ?? "")) ?? [];
  if (place === undefined || !URL.canParse(place, from.href)) return undefined;
  const url = new URL(place, from);
  return url.origin === from.origin ? url : undefined;
}
