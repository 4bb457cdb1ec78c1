import { Failure, sentenceOf, within } from "../../base/failure.ts";
import { parseReference } from "../../spec/reference.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { FoundImage, Images } from "../../model/images.ts";

const mostResults = 100;
const usualResults = 25;

type Filter = (image: FoundImage, value: string) => boolean;
const filters: Readonly<Record<string, Filter>> = {
  "is-official": (image, value) => image.isOfficial === readTruth("is-official", value),
  "is-automated": (image, value) => image.isAutomated === readTruth("is-automated", value),
  stars: (image, value) => image.stars >= readCount(value),
};

/** See Images.search(). */
export async function searchImages(
  term: string,
  options: Parameters<Images["search"]>[1] = {},
  dependencies: EngineDependencies,
): Promise<readonly FoundImage[]> {
  const { limit = usualResults, filters: wanted = {}, credentials, signal } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > mostResults) {
    throw new Failure("invalid", `limit ${limit} is outside the range of [1, ${mostResults}]`);
  }
  for (const [name, values] of Object.entries(wanted)) {
    const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
    if (filter === undefined) throw new Failure("invalid", `invalid filter '${name.slice(0, 100)}'`);
    // Rejects a wrong value before any request.
    for (const value of values) filter(nothing, value);
  }
  const { searchRegistry } = await import("../../image/search.ts");
  const where = splitTerm(term);
  const found = await searchRegistry(where, {
    registries: await dependencies.openRegistries(),
    limit,
    credentials: credentials && (() => Promise.resolve(credentials)),
    signal,
  }).catch((thrown: unknown) => {
    if (sentenceOf(thrown).startsWith("cannot search ")) throw thrown;
    throw within(`cannot search ${where.registry}`, thrown);
  });
  return found.filter((image) =>
    Object.entries(wanted).every(([name, values]) =>
      values.every((value) => filters[name]?.(image, value) ?? false),
    ),
  );
}

const nothing: FoundImage = { name: "", description: "", stars: 0, isOfficial: false, isAutomated: false };

/** `localhost:5000/web` asks that registry for `web`; what names none asks Docker's. */
function splitTerm(term: string): { readonly registry: string; readonly words: string } {
  if (term.trim() === "" || term.includes("://")) {
    throw new Failure(
      "invalid",
      `invalid repository name: repository name (${term.slice(0, 100)}) should not have a scheme and must not be empty`,
    );
  }
  const [first = "", ...rest] = term.split("/");
  const { domain } = parseReference(
    `${/[.:]|^localhost$/.test(first) && rest.length > 0 ? first : "docker.io"}/a/b`,
  );
  return domain === "docker.io"
    ? { registry: domain, words: term.replace(/^(index\.)?docker\.io\//, "") }
    : { registry: domain, words: rest.join("/") };
}

function readTruth(name: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new Failure("invalid", `invalid filter '${name}=${value.slice(0, 100)}'`);
}

function readCount(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new Failure("invalid", `invalid filter 'stars=${value.slice(0, 100)}'`);
}
