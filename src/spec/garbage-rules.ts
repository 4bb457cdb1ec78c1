import { findDuration } from "../base/duration.ts";
import { Failure } from "../base/failure.ts";

/** How long what a failed or killed pull left is kept for the next one, and when the disk is too full for that. */
export interface GarbageRules {
  readonly graceMs: number;
  /** Used percent of the file system from which on nothing waits any more. */
  readonly highPercent: number;
  /** Down to here is removed then, the oldest first. */
  readonly lowPercent: number;
}

export const defaultGarbageRules: GarbageRules = { graceMs: 3_600_000, highPercent: 85, lowPercent: 80 };

/** `grace=1h,high=85%,low=80%`, any of them. Throws "invalid". */
export function parseGarbageRules(text: string): GarbageRules {
  const rules = { ...defaultGarbageRules };
  for (const part of text.split(",")) {
    const [name = "", value = ""] = part.split("=", 2);
    if (name === "grace") {
      const ms = findDuration(value);
      if (ms === undefined || ms < 0)
        throw refused(text, `"${value.slice(0, 40)}" is no duration (want 30m, 1h)`);
      rules.graceMs = ms;
    } else if (name === "high" || name === "low") {
      const percent = /^\d{1,3}%?$/.test(value) ? Number.parseInt(value, 10) : 101;
      if (percent > 100) throw refused(text, `"${value.slice(0, 40)}" is no part of 100%`);
      rules[`${name}Percent`] = percent;
    } else {
      throw refused(text, `there is no "${name.slice(0, 40)}" (want grace, high, low)`);
    }
  }
  if (rules.lowPercent > rules.highPercent) throw refused(text, "low is above high");
  return Object.freeze(rules);
}

function refused(text: string, detail: string): Failure {
  return new Failure("invalid", `invalid --gc "${text.slice(0, 100)}": ${detail}`);
}
