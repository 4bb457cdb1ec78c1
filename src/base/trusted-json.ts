/**
 * Parses text that Tare wrote itself or has checked before, of a type that the caller names: its files, messages between
 * its threads, replies of a daemon, a manifest in the store. Other text needs a parser that checks it. Throws
 * SyntaxError for what is no JSON.
 */
export function parseTrustedJson<T>(text: string): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller knows where the text is from
  return JSON.parse(text) as T;
}
