/** Whether the image of a `syntax` is the front end for Dockerfiles, which is built in: also from a mirror. */
export function isBuiltInSyntax(syntax: string): boolean {
  return /^(?:[^\s@]*\/)?docker\/dockerfile(?:-upstream)?(?:[:@]\S*)?(?:\s|$)/.test(syntax);
}

/**
 * What a file names as its front end: in a first line like `# syntax=IMAGE` or `// syntax=IMAGE`, or as the member
 * `syntax` of JSON. The image may have options behind it. Undefined: nothing. SPEC: moby/buildkit,
 * frontend/dockerfile/parser/directives.go.
 */
export function findSyntax(text: string): string | undefined {
  const plain = text.replace(/^\uFEFF/, "").replace(/^#![^\n]*\n/, "");
  for (const mark of ["#", "//"]) {
    for (const line of plain.split("\n")) {
      const trimmed = line.trim();
      const [, name, value] = trimmed.startsWith(mark)
        ? (/^([a-z][a-z0-9]*)\s*=\s*(\S.*)$/i.exec(trimmed.slice(mark.length).trim()) ?? [])
        : [];
      if (name === undefined) break;
      if (name.toLowerCase() === "syntax") return value;
    }
  }
  if (!plain.trimStart().startsWith("{")) return undefined;
  try {
    const document: unknown = JSON.parse(plain);
    return hasSyntax(document) ? document.syntax : undefined;
  } catch {
    return undefined;
  }
}

function hasSyntax(document: unknown): document is { readonly syntax: string } {
  return (
    typeof document === "object" &&
    document !== null &&
    "syntax" in document &&
    typeof document.syntax === "string" &&
    document.syntax !== ""
  );
}
