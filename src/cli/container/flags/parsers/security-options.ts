import { sentenceOf } from "../../../../base/failure.ts";
import { findJsonMistake } from "../../../../spec/json-mistake.ts";
import { optionFailure } from "../../../flags/flag.ts";

export interface SecurityPlan {
  readonly options: readonly string[];
  /** `systempaths=unconfined`: nothing is masked or read-only. */
  readonly isUnmasked: boolean;
}

/**
 * The `--security-opt` values as the API takes them; a seccomp file becomes its text, read with `readText`.
 * Throws optionFailure().
 */
export function parseSecurity(texts: readonly string[], readText: (path: string) => string): SecurityPlan {
  const options: string[] = [];
  let isUnmasked = false;
  for (const text of texts) {
    const [, name = "", value] = /^([^=:]+)(?:[=:]([^]*))?$/.exec(text) ?? [];
    if (name === "systempaths") {
      if (value !== "unconfined") throw optionFailure(`invalid systempaths option: ${JSON.stringify(text)}`);
      isUnmasked = true;
    } else if (["no-new-privileges", "explain-denials", "writable-cgroups"].includes(name))
      options.push(parseSwitch(name, value, text));
    else if (name === "seccomp" && value !== undefined)
      options.push(`seccomp=${parseSeccomp(value, readText)}`);
    else if ((name === "apparmor" || name === "label") && value !== undefined && value !== "")
      options.push(`${name}=${value}`);
    else throw optionFailure(`Invalid --security-opt: ${JSON.stringify(text)}`);
  }
  return { options, isUnmasked };
}

function parseSwitch(name: string, value: string | undefined, text: string): string {
  if (value === undefined) return name;
  if (value !== "true" && value !== "false")
    throw optionFailure(`Invalid --security-opt: ${JSON.stringify(text)}`);
  return `${name}=${value}`;
}

function parseSeccomp(value: string, readText: (path: string) => string): string {
  if (value === "unconfined" || value === "builtin") return value;
  let text: string;
  try {
    text = readText(value);
  } catch (thrown) {
    throw optionFailure(`opening seccomp profile (${value}) failed: ${sentenceOf(thrown)}`);
  }
  const mistake = findJsonMistake(text);
  if (mistake !== undefined)
    throw optionFailure(`cannot read seccomp profile (${value}): it is not JSON: ${mistake}`);
  // Without white space, but not parsed and written anew: numbers beyond 2⁵³ would change.
  return text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
}
