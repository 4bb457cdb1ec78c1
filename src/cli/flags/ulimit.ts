import type { Ulimit } from "../../api/types/host-config.ts";
import { Failure } from "../../base/failure.ts";

const names = new Set([
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
]);

/** `nofile=1024:2048`, `core=0`, `memlock=-1`. Throws Failure("invalid") in Docker's words. */
export function parseUlimit(text: string): Ulimit {
  const match = /^([^=]+)=([^:]+)(?::([^:]+))?$/.exec(text);
  if (match === null) throw new Failure("invalid", `invalid ulimit argument: ${text}`);
  const [, name = "", softText = "", hardText = softText] = match;
  if (!names.has(name)) throw new Failure("invalid", `invalid ulimit type: ${name}`);
  const [soft, hard] = [parseLimit(softText), parseLimit(hardText)];
  if (hard !== -1 && (soft > hard || soft === -1)) {
    throw new Failure(
      "invalid",
      `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
    );
  }
  return { Name: name, Soft: soft, Hard: hard };
}

/** −1 and `unlimited` are no limit. */
function parseLimit(text: string): number {
  if (text === "-1" || text === "unlimited") return -1;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new Failure("invalid", `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}
