import { Failure, sentenceOf, within } from "../../base/failure.ts";
import { parseReference } from "../../spec/reference.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { FoundImage, Images } from "../../model/images.ts";

const mostResults = 100;
const usualResults = 25;

type Test = (image: FoundImage) => boolean;
/** Reads the values of a filter, in dockerd's words where they are wrong. */
const filters: Readonly<Record<string, (values: readonly string[]) => Test>> = {
  "is-official"(values) {
    const wanted = readTruth("is-official", values);
    return (image) => image.isOfficial === wanted;
  },
  // SPEC: registries no longer tell it, so for dockerd nothing is.
  "is-automated"(values) {
    const wanted = readTruth("is-automated", values);
    return () => !wanted;
  },
  stars(values) {
    const least = Math.max(...values.map(readCount));
    return (image) => image.stars >= least;
  },
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
  const tests = Object.entries(wanted).flatMap(([name, values]) => {
    const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
    if (filter === undefined) throw new Failure("invalid", `invalid filter '${name.slice(0, 100)}'`);
    return values.length === 0 ? [] : [filter(values)];
  });
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
  return found.filter((image) => tests.every((test) => test(image)));
}

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

function readTruth(name: string, values: readonly string[]): boolean {
  const isTrue = values.some((value) => /^(?:1|true)$/.test(value));
  const isFalse = values.some((value) => /^(?:0|false)$/.test(value));
  if (isTrue !== isFalse) return isTrue;
  throw new Failure("invalid", `invalid filter '${name}=[${values.join(" ").slice(0, 100)}]'`);
}

function readCount(value: string): number {
  if (/^[+-]?\d{1,9}$/.test(value)) return Number(value);
  const shown = value.slice(0, 100);
  throw new Failure(
    "invalid",
    `invalid filter 'stars=${shown}': strconv.Atoi: parsing ${JSON.stringify(shown)}: invalid syntax`,
  );
}
