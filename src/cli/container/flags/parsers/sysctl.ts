import { Failure } from "../../../../base/failure.ts";
import { parseSysctlKey } from "../../../../spec/sysctl.ts";

/** One `--sysctl KEY=VALUE`, refused in the words of Docker's client. */
export function checkSysctl(text: string): void {
  const at = text.indexOf("=");
  if (at < 0 || parseSysctlKey(text.slice(0, at)) === undefined) {
    throw new Failure("invalid", `sysctl '${text}' is not allowed`);
  }
}
