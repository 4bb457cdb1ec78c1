import { Failure } from "../../base/failure.ts";
import {
  formatFamiliar,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "../../spec/reference.ts";

/**
 * The name that an image is to receive, with its tag. Throws "invalid" in Docker's words for a digest, and for names
 * that look like one.
 */
export function parseNewName(text: string): Reference {
  const parsed = parseReference(text);
  const refused = (detail: string): Failure => new Failure("invalid", `refusing to create ${detail}`);
  if (parsed.digest !== undefined) throw refused("a tag with a digest reference");
  if (formatFamiliar(repositoryOf(parsed)) === "sha256") {
    throw refused("an ambiguous tag using digest algorithm as name");
  }
  return withDefaultTag(parsed);
}
