import { readdirSync, statSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { readResourceLimit } from "./rlimit.ts";

/** How many connections and queries the daemon serves at a time. Each takes one descriptor, a stream two. */
export interface DescriptorBudget {
  /** RLIMIT_NOFILE. */
  readonly limit: number;
  /** Kept for ends, stops and restarts of containers. */
  readonly reserve: number;
  /** API connections by kind. */
  readonly connections: {
    readonly events: number;
    readonly streams: number;
    readonly requests: number;
    /** Requests that end or list things, so that a way out of a shortage is left. */
    readonly control: number;
    /** Connections without a request. */
    readonly idle: number;
  };
  /** Of all containers together. */
  readonly names: { readonly queries: number; readonly connections: number };
  /** Relayed ports, and connections to them (two each) and as many flows of UDP; of all containers together. */
  readonly relays: { readonly ports: number; readonly connections: number };
}

/** A start has about so many open at a time. */
const startNeeds = 64;

/**
 * One command on many containers opens so many connections at a time (`forEachReference()` in `src/cli/each.ts`), and a
 * few are others'.
 */
const oneCommand = 64;

/** Derived from the limit of open files; about half of it is left for containers, less where it is small. Pure. */
export function divideDescriptors(limit: number): DescriptorBudget {
  const share = (part: number, most: number, least = 8): number =>
    Math.max(least, Math.min(most, Math.floor(limit * part)));
  return {
    limit,
    reserve: Math.min(1024, Math.max(startNeeds + 32, Math.floor(limit / 20))),
    connections: {
      events: share(0.05, 4096),
      streams: share(0.1, 8192),
      requests: share(0.05, 4096),
      control: share(0.05, 4096, oneCommand),
      idle: share(0.025, 1024, oneCommand),
    },
    names: { queries: share(0.1, 4096), connections: share(0.025, 1024) },
    relays: { ports: share(0.1, 2048), connections: share(0.025, 1024) },
  };
}

/** The budget for this process's limit. */
export function readDescriptorBudget(): DescriptorBudget {
  const { soft } = readResourceLimit("nofile");
  return divideDescriptors(soft < 0 ? Number.MAX_SAFE_INTEGER : soft);
}

/** Throws "exhausted", `cannot <what>: …`, when only the reserve is left. */
export function requireDescriptors(what: string, { limit, reserve }: DescriptorBudget): void {
  if (countOpenDescriptors() < limit - reserve) return;
  throw new Failure(
    "exhausted",
    `cannot ${what}: of ${limit} file descriptors only the reserve is left; close connections, stop containers or raise the daemon's limit of open files`,
  );
}

const ownDescriptors = "/proc/self/fd";

/** KERNEL(6.2): the size of the directory is their number; before, they are listed. */
function countOpenDescriptors(): number {
  try {
    return statSync(ownDescriptors).size || readdirSync(ownDescriptors).length;
  } catch {
    return Number.POSITIVE_INFINITY; // not even the list can be opened
  }
}
