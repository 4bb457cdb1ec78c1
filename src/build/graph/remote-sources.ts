import { Failure } from "../../base/failure.ts";
import { type Digest, findDigest } from "../../spec/digest.ts";
import { checkCommit, parseGitReference } from "../../spec/git-url.ts";
import type { Instruction } from "../dockerfile/dockerfile-types.ts";
import type { CopySource, Vertex } from "./graph-types.ts";

type Transfer = Extract<Instruction, { keyword: "copy" | "add" }>;

/**
 * The sources of an ADD that are on web servers or in git repositories, by their position; undefined for paths. The
 * words have values for their variables. Throws "invalid" in BuildKit's words for what can't be used. Pure.
 */
export function remoteSourcesOf(
  instruction: Transfer,
  words: readonly string[],
  { expand, name }: { readonly expand: (word: string) => string; readonly name: string },
): readonly (CopySource | undefined)[] {
  if (instruction.keyword === "copy") {
    if (words.some(isUrl)) throw new Failure("invalid", "source can't be a URL for COPY");
    return [];
  }
  const { unpack, keepGitDir, location } = instruction;
  const checksum = instruction.checksum === undefined ? undefined : expand(instruction.checksum);
  if (checksum !== undefined && words.length !== 1)
    throw new Failure("invalid", "checksum can't be specified for multiple sources");
  return words.map((word) => {
    const git = parseGitReference(word);
    if (git !== undefined) {
      if (checksum !== undefined) checkCommit(checksum);
      if (checksum !== undefined && git.checksum !== undefined && git.checksum !== checksum)
        throw new Failure("invalid", `checksum conflicts: "${checksum}" vs "${git.checksum}"`);
      const vertex: Vertex = {
        operation: {
          kind: "git",
          repository: { ...git, checksum: checksum ?? git.checksum },
          keepsGitDirectory: keepGitDir ?? git.keepsGitDirectory ?? false,
        },
        name,
        location,
      };
      return { kind: "path", from: vertex, path: "/", unpacks: false };
    }
    if (isUrl(word)) {
      const vertex: Vertex = {
        operation: { kind: "http", url: checkUrl(word), checksum: digestOf(checksum) },
        name,
        location,
      };
      // Its directory has one file, whose name the server may give.
      return { kind: "path", from: vertex, path: "*", unpacks: unpack === true };
    }
    if (checksum !== undefined)
      throw new Failure("invalid", "checksum can't be specified for non-HTTP(S) sources");
    return undefined;
  });
}

function isUrl(word: string): boolean {
  return /^https?:\/\//.test(word);
}

function checkUrl(word: string): string {
  if (!URL.canParse(word)) throw new Failure("invalid", `cannot use ${JSON.stringify(word)}: it is no URL`);
  return word;
}

function digestOf(text: string | undefined): Digest | undefined {
  if (text === undefined) return undefined;
  const digest = findDigest(text);
  if (digest?.startsWith("sha256:") === true) return digest;
  throw new Failure(
    "invalid",
    `invalid checksum ${JSON.stringify(text.slice(0, 200))}: it must be sha256:HASH`,
  );
}
