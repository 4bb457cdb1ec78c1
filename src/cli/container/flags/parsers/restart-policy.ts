import type { RestartPolicy } from "../../../../api/types/host-config.ts";
import { optionFailure } from "../../../flags/flag.ts";
import { parseInteger } from "../../../flags/kinds.ts";

/** `--restart NAME[:COUNT]`; the daemon validates the name. */
export function parseRestartPolicy(text: string): RestartPolicy {
  const at = text.indexOf(":");
  if (at === -1) return { Name: text, MaximumRetryCount: 0 };
  if (at === 0) throw optionFailure("invalid restart policy format: no policy provided before colon");
  try {
    return { Name: text.slice(0, at), MaximumRetryCount: parseInteger(text.slice(at + 1)) };
  } catch {
    throw optionFailure("invalid restart policy format: maximum retry count must be an integer");
  }
}
