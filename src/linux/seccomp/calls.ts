import type { SeccompArchitecture } from "../../spec/seccomp.ts";
import { type Abi, machines } from "./internal/abi.ts";

export interface FoundCall {
  readonly architecture: SeccompArchitecture;
  /** Absent: younger than our tables, or none. */
  readonly name?: string | undefined;
}

const abis: readonly Abi[] = Object.values(machines).flatMap(({ native, others }) => [native, ...others]);
const tables = new Map<Abi, ReadonlyMap<number, string>>();

/** The call of a number for an AUDIT_ARCH_*; undefined for an unsupported architecture. */
export function findCall(audit: number, number: number): FoundCall | undefined {
  const unsigned = number >>> 0;
  const abi = abis.find((each) => each.audit === audit && unsigned >= each.first && unsigned <= each.last);
  if (abi === undefined) return undefined;
  let table = tables.get(abi);
  if (table === undefined) {
    // Of two names for one number the first, which is the kernel's own.
    const entries = Object.entries(abi.numbers).toReversed();
    tables.set(abi, (table = new Map(entries.map(([name, each]) => [each, name]))));
  }
  const name = table.get(unsigned);
  return { architecture: abi.name, name };
}
