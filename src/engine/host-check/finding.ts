import type { HostCheckGroup, HostCheckStatus, HostFinding } from "../../model/host-check.ts";

/** A fault and its fix. */
export interface Defect {
  readonly status: Exclude<HostCheckStatus, "ok">;
  readonly affects?: string | undefined;
  readonly fix?: readonly string[] | undefined;
}

/** Findings of one group, by their check's name. */
export type CheckedGroup = (check: string, found: string, defect?: Defect) => HostFinding;

export function inGroup(group: HostCheckGroup): CheckedGroup {
  return (check, found, defect) => ({
    group,
    check,
    status: defect?.status ?? "ok",
    found,
    affects: defect?.affects,
    fix: defect?.fix ?? [],
  });
}

/** Facts that only root can see. */
export const notVisible = "not visible to this user";
