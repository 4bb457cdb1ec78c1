import { Failure } from "../../base/failure.ts";

/** `name=value` or `name`, as it is. Throws "invalid" in Docker's words. */
export function checkLabel(text: string): string {
  if (text === "" || text.startsWith("="))
    throw new Failure("invalid", `invalid label '${text}': empty name`);
  return text;
}

export function splitLabel(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
