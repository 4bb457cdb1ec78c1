import { formatUnixTime, parseTimestamp } from "../../../base/timestamp.ts";
import type { TableOf } from "../../flags/flag.ts";
import { bool, string } from "../../flags/kinds.ts";

/** The common options of commands that show logs. */
export interface LogValues {
  readonly follow: boolean;
  readonly since: string;
  readonly tail: string;
  readonly timestamps: boolean;
  readonly until: string;
}

const moments = '(e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)';

export const logFlags: TableOf<LogValues> = {
  follow: bool("Follow log output", { short: "f" }),
  since: string(`Show logs since timestamp ${moments}`),
  tail: string("Number of lines to show from the end of the logs", { short: "n", initial: "all" }),
  timestamps: bool("Show timestamps", { short: "t" }),
  until: string(`Show logs before a timestamp ${moments}`),
};

/** `--since` and `--until`, as the API wants them. */
export function momentsOf({ since, until }: Pick<LogValues, "since" | "until">): {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
} {
  return { since: momentOf(since), until: momentOf(until) };
}

function momentOf(text: string): string | undefined {
  return text === "" ? undefined : formatUnixTime(parseTimestamp(text));
}
