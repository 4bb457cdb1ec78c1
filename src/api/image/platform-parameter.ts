import { Failure, sentenceOf } from "../../base/failure.ts";
import { readJson } from "../../spec/json-reader.ts";

/**
 * The platform that a request names: `linux/arm64`, or OCI's object as JSON, which newer clients send. Throws
 * "invalid", in dockerd's words.
 */
export function readPlatformParameter(text: string | undefined): string | undefined {
  if (text === undefined || !text.trimStart().startsWith("{")) return text;
  const { os, architecture, variant, hasOthers } = readDocument(text);
  if (os === "" && architecture === "" && (variant !== "" || hasOthers)) {
    throw refused("optional platform fields provided, but OS and Architecture are missing");
  }
  if (os === "" || architecture === "") throw refused("both OS and Architecture must be provided");
  return [os, architecture, ...(variant === "" ? [] : [variant])].join("/");
}

function readDocument(text: string): {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
  readonly hasOthers: boolean;
} {
  try {
    const document = readJson(new TextEncoder().encode(text), { what: "the platform", maxBytes: 4096 });
    const part = (name: string): string => document.at(name).optional((node) => node.text()) ?? "";
    const features = document.at("os.features").optional((node) => node.list((each) => each.text())) ?? [];
    return {
      os: part("os"),
      architecture: part("architecture"),
      variant: part("variant"),
      hasOthers: part("os.version") !== "" || features.length > 0,
    };
  } catch (thrown) {
    throw refused(`failed to parse platform: ${sentenceOf(thrown)}`, thrown);
  }
}

function refused(message: string, cause?: unknown): Failure {
  return new Failure("invalid", message, { cause });
}
