import { formatFamiliar, parseReference } from "./reference.ts";

/**
 * The key of a named context: two names of one image are one context. SPEC: docker buildx build, --build-context.
 * Undefined for what is no name of an image. Pure.
 */
export function contextName(text: string): string | undefined {
  try {
    return formatFamiliar(parseReference(text)).replace(/:latest$/, "");
  } catch {
    return undefined;
  }
}
