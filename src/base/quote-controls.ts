/** C0 without tab and line break, DEL, C1: a terminal takes them as commands. */
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * Text from images, containers or labels as it may go to a terminal: control characters are written as `\u001b`. All
 * other text, UTF-8 included, stays as it is.
 */
export function quoteControls(text: string): string {
  return text.replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** As quoteControls(), on one line: line breaks and tabs are written as `\n` and `\t`. */
export function quoteLine(text: string): string {
  return quoteControls(text.replaceAll("\n", "\\n").replaceAll("\t", "\\t"));
}
