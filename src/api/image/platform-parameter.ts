import { readJson } from "../../spec/json-reader.ts";

/**
 * The platform that a request names: `linux/arm64`, or OCI's object as JSON, which newer clients send. Throws
 * "invalid".
 */
export function readPlatformParameter(text: string | undefined): string | undefined {
  if (text === undefined || !text.trimStart().startsWith("{")) return text;
  const document = readJson(new TextEncoder().encode(text), { what: "the platform", maxBytes: 4096 });
  const part = (name: string): string => document.at(name).optional((node) => node.text()) ?? "";
  const parts = [part("os"), part("architecture"), part("variant")];
  if (parts[0] === "" || parts[1] === "") throw document.refused("must have os and architecture");
  return parts.filter((each) => each !== "").join("/");
}
