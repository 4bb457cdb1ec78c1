export type QueryValue = string | number | boolean | undefined | readonly string[];

/** `?a=1&b=2`, without what is undefined or false; a list repeats its name. Empty when nothing is left. */
export function formatQuery(values: Readonly<Record<string, QueryValue>>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === false) continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      parts.push(`${encodeURIComponent(name)}=${value === true ? "1" : encodeURIComponent(String(item))}`);
    }
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** A container's, exec's or network's name or id as one part of a path. */
export function segment(text: string): string {
  // An empty name or dots would make another path of it.
  return text === "" || /^\.{1,2}$/.test(text) ? "%00" : encodeURIComponent(text);
}

/** An image's reference within a path: its slashes, colons and @ stay, as Docker's clients send them. */
export function imageSegment(reference: string): string {
  const encoded = encodeURIComponent(reference)
    .replace(/%2F/g, "/")
    .replace(/%3A/g, ":")
    .replace(/%40/g, "@");
  return reference === "" || /(?:^|\/)\.{0,2}(?:\/|$)/.test(reference)
    ? encodeURIComponent(reference) || "%00"
    : encoded;
}
