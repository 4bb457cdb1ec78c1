/**
 * Parses text that Tare wrote itself, of a type that the caller names: its own files, messages between its threads, its
 * command line and its daemon. Text from elsewhere needs a parser that checks it. Throws SyntaxError for what is no JSON.
 */
export function parseTrustedJson<T>(text: string): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the text has the type that this program gave it
  return JSON.parse(text) as T;
}
