import { isKeyOf } from "../base/keys.ts";
import { Failure } from "../base/failure.ts";
import {
  checkIdMaps,
  formatIdRange,
  type IdMaps,
  parseIdRange,
  plainIdMaps,
  usualIdCount,
} from "./id-map.ts";

/**
 * Whose user namespace a container is in: the host's, one of its own with ids that the engine picks, one of its own
 * with these ids, or another container's.
 */
export type UserNamespaceMode =
  | "host"
  | "private"
  | { readonly maps: IdMaps }
  | { readonly subordinate: { readonly uidsOf: string; readonly gidsOf: string } }
  | { readonly container: string };

const wanted =
  "want host, private, private:HOSTID[:SIZE], private:uidmap=…,gidmap=…, private:subuid=NAME,subgid=NAME or container:NAME";

/**
 * The values of `--userns` and of the API's UsernsMode; undefined for an empty value. "auto" is podman's word for
 * "private". Throws "invalid".
 */
export function parseUserNamespaceMode(text: string): UserNamespaceMode | undefined {
  if (text === "") return undefined;
  if (text === "host") return "host";
  if (text === "private" || text === "auto") return "private";
  const container = /^container:(.+)$/.exec(text)?.[1];
  if (container !== undefined) return { container };
  const rest = /^private:(.+)$/.exec(text)?.[1];
  if (text === "keep-id" || text.startsWith("keep-id:") || text === "nomap") {
    throw new Failure(
      "invalid",
      `invalid user namespace mode "${text.slice(0, 100)}": it is for engines without root, and this one runs as root: want private`,
    );
  }
  if (rest === undefined) throw refused(text);
  const subordinate = parseSubordinate(rest);
  if (subordinate !== undefined) return { subordinate };
  const maps = parsePlainMaps(rest) ?? parseMaps(rest, text);
  checkIdMaps(maps);
  return { maps };
}

/** `subuid=NAME,subgid=NAME`; one of them stands for both. */
function parseSubordinate(text: string): { readonly uidsOf: string; readonly gidsOf: string } | undefined {
  const [, kind, first = "", second] = /^(subuid|subgid)=([^,:=]+)(?:,subgid=([^,:=]+))?$/.exec(text) ?? [];
  if (kind === undefined || (kind === "subgid" && second !== undefined)) return undefined;
  return { uidsOf: first, gidsOf: second ?? first };
}

function parsePlainMaps(text: string): IdMaps | undefined {
  const [, first, size] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  return first === undefined ? undefined : plainIdMaps(Number(first), Number(size ?? usualIdCount));
}

function parseMaps(text: string, whole: string): IdMaps {
  const ranges: Record<"uidmap" | "gidmap", ReturnType<typeof parseIdRange>[]> = { uidmap: [], gidmap: [] };
  for (const part of text.split(",")) {
    const [, kind, range = ""] = /^(uidmap|gidmap)=(.*)$/.exec(part) ?? [];
    if (kind === undefined || !isKeyOf(ranges, kind)) throw refused(whole);
    ranges[kind].push(parseIdRange(range));
  }
  // As podman does: the ranges of one kind apply to the other.
  const { uidmap, gidmap } = ranges;
  return { uids: uidmap.length === 0 ? gidmap : uidmap, gids: gidmap.length === 0 ? uidmap : gidmap };
}

/** The way back. */
export function formatUserNamespaceMode(mode: UserNamespaceMode): string {
  if (typeof mode === "string") return mode;
  if ("container" in mode) return `container:${mode.container}`;
  if ("subordinate" in mode)
    return `private:subuid=${mode.subordinate.uidsOf},subgid=${mode.subordinate.gidsOf}`;
  const { uids, gids } = mode.maps;
  const words = [
    ...uids.map((range) => `uidmap=${formatIdRange(range)}`),
    ...gids.map((range) => `gidmap=${formatIdRange(range)}`),
  ];
  return `private:${words.join(",")}`;
}

function refused(text: string): Failure {
  return new Failure("invalid", `invalid user namespace mode "${text.slice(0, 100)}": ${wanted}`);
}
