import { Failure } from "../base/failure.ts";
import { usualIdCount } from "./id-map.ts";

/** Host ids that may be given to containers. */
export interface IdPool {
  readonly first: number;
  readonly count: number;
}

/** `FIRST:COUNT`, as subuid(5) has them. Throws "invalid" for what holds no container's ids, or root's. */
export function parseIdPool(text: string): IdPool {
  const [, first, count] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  const pool = { first: Number(first), count: Number(count) };
  if (first === undefined || pool.first + pool.count > 2 ** 32 - 1) throw refused(text, "want FIRST:COUNT");
  if (pool.first < usualIdCount)
    throw refused(text, `ids below ${usualIdCount} are the system's and its users'`);
  if (pool.count < usualIdCount) throw refused(text, `a container needs ${usualIdCount}`);
  return pool;
}

function refused(text: string, detail: string): Failure {
  return new Failure("invalid", `invalid --userns-pool "${text.slice(0, 60)}": ${detail}`);
}
