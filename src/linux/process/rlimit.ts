import { isKeyOf } from "../../base/keys.ts";
import { Failure } from "../../base/failure.ts";
import { call } from "../kernel/syscall.ts";

/** Numbers of asm-generic/resource.h, by the names of `--ulimit`. */
const resources = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

export type ResourceName = keyof typeof resources;

/** A resource limit; −1 is unlimited. The unit is the resource's own (bytes, descriptors, seconds, …). */
export interface ResourceLimit {
  readonly resource: ResourceName;
  readonly soft: number;
  readonly hard: number;
}

const unlimited = -1;
const infinity = 0xffff_ffff_ffff_ffffn;

/** `nofile=1024:2048`, `nofile=1024` (both), `core=-1`: as Docker's `--ulimit`. */
export function parseResourceLimit(text: string): ResourceLimit {
  const match = /^([^=]*)=([^:]*)(?::(.*))?$/.exec(text);
  if (match === null) throw refuse(text, `invalid ulimit argument: ${text}`);
  const resource = match[1] ?? "";
  if (!isKeyOf(resources, resource)) throw refuse(text, `invalid ulimit type: ${resource}`);
  const soft = parseValue(text, match[2] ?? "");
  const hard = match[3] === undefined ? soft : parseValue(text, match[3]);
  return checkResourceLimit({ resource, soft, hard });
}

/** The limit, unless its soft value is above its hard one ("invalid"). */
export function checkResourceLimit(limit: ResourceLimit): ResourceLimit {
  if (orInfinity(limit.soft) > orInfinity(limit.hard)) {
    const text = formatResourceLimit(limit);
    throw refuse(
      text,
      `ulimit soft limit must be less than or equal to hard limit: ${limit.soft} > ${limit.hard}`,
    );
  }
  return limit;
}

/** The name of an OCI runtime configuration, `RLIMIT_NOFILE`, as Docker's `nofile`; undefined for others. */
export function findResourceName(ociType: string): ResourceName | undefined {
  const name = ociType.replace(/^RLIMIT_/, "").toLowerCase();
  return isKeyOf(resources, name) ? name : undefined;
}

/** The number for prlimit64(2). */
export function resourceNumber(resource: ResourceName): number {
  return resources[resource];
}

export function formatResourceLimit(limit: ResourceLimit): string {
  return `${limit.resource}=${limit.soft}:${limit.hard}`;
}

/** `struct rlimit64` for prlimit64(2): 16 bytes. */
export function encodeResourceLimit(limit: Pick<ResourceLimit, "soft" | "hard">): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, limit.soft === unlimited ? infinity : BigInt(limit.soft), true);
  view.setBigUint64(8, limit.hard === unlimited ? infinity : BigInt(limit.hard), true);
  return bytes;
}

/** The present limit of a process (0: this one): prlimit64(2). */
export function readResourceLimit(resource: ResourceName, pid = 0): ResourceLimit {
  const bytes = new Uint8Array(16);
  call("prlimit64", pid, resources[resource], null, bytes);
  const view = new DataView(bytes.buffer);
  const value = (offset: number): number => {
    const number = view.getBigUint64(offset, true);
    return number === infinity ? unlimited : Number(number);
  };
  return { resource, soft: value(0), hard: value(8) };
}

/** Sets a limit of a process (0: this one): prlimit64(2). */
export function setResourceLimit(limit: ResourceLimit, pid = 0): void {
  call("prlimit64", pid, resources[limit.resource], encodeResourceLimit(limit), null);
}

/**
 * The part of a limit that can be set: without CAP_SYS_RESOURCE a hard limit can only decrease, so both values stop at
 * the present one, and a warning reports it. Pure.
 */
export function clampResourceLimit(
  wanted: ResourceLimit,
  present: ResourceLimit,
): { readonly limit: ResourceLimit; readonly warning?: string | undefined } {
  if (orInfinity(wanted.hard) <= orInfinity(present.hard)) return { limit: wanted };
  const lower = (value: number): number =>
    orInfinity(value) <= orInfinity(present.hard) ? value : present.hard;
  const limit: ResourceLimit = { resource: wanted.resource, soft: lower(wanted.soft), hard: present.hard };
  return {
    limit,
    warning:
      `cannot raise the hard limit "${wanted.resource}" above ${present.hard} without CAP_SYS_RESOURCE: ` +
      `using ${formatResourceLimit(limit)} instead of ${formatResourceLimit(wanted)}`,
  };
}

function orInfinity(value: number): number {
  return value === unlimited ? Number.POSITIVE_INFINITY : value;
}

function parseValue(text: string, value: string): number {
  const number = /^-?\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < unlimited) throw refuse(text, `invalid value: "${value}"`);
  return number;
}

function refuse(text: string, why: string): Failure {
  return new Failure("invalid", `cannot set ulimit "${text}": ${why}`);
}

/** All limits of this process, which a new one gets: equal bytes, equal limits. */
export function readOwnLimits(): Buffer {
  const numbers = Object.values(resources);
  const limits = Buffer.alloc(16 * numbers.length);
  for (const number of numbers)
    call("prlimit64", 0, number, null, limits.subarray(16 * number, 16 * number + 16));
  return limits;
}
