import { Failure, type FailureKind } from "../../base/failure.ts";
import { readJson } from "../../spec/json-reader.ts";

/** A registry's error for a refused request. SPEC: OCI distribution 1.1, "Error Codes" */
export interface RegistryRefusal {
  readonly status: number;
  readonly codes: readonly string[];
  /** Codes and messages, as Docker writes them: `denied: requested access to the resource is denied`. */
  readonly text: string;
}

const maxErrorBytes = 64 * 1024;

/** Reads the body of a refusal; what can't be read leaves the status alone. */
export function readRefusal(status: number, body: Uint8Array): RegistryRefusal {
  try {
    const errors = readJson(body, { what: "an error", maxBytes: maxErrorBytes })
      .at("errors")
      .list((node) => ({
        code: node.at("code").optional((code) => code.text()) ?? "",
        message: node.at("message").optional((message) => message.text()) ?? "",
      }));
    const parts = errors.slice(0, 5).map(({ code, message }) => {
      const words = printable(code).toLowerCase().replaceAll("_", " ");
      return [words, printable(message)].filter((part) => part !== "").join(": ");
    });
    const text = parts.filter((part) => part !== "").join("; ");
    return {
      status,
      codes: errors.map(({ code }) => printable(code)),
      text: text || `it answered ${status}`,
    };
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return { status, codes: [], text: `it answered ${status}` };
  }
}

/** SAFETY: the text goes to a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, " ").slice(0, 300);
}

export function kindOfRefusal({ status, codes }: RegistryRefusal): FailureKind {
  if (status === 401 || status === 403 || codes.includes("DENIED") || codes.includes("UNAUTHORIZED"))
    return "not-permitted";
  if (status === 404) return "not-found";
  if (status === 429 || status >= 500) return "unavailable";
  if (status === 405 || codes.includes("UNSUPPORTED")) return "unsupported";
  return "invalid";
}
