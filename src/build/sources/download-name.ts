/** SPEC: BuildKit calls a download without a name so. */
const unnamed = "__unnamed__";
const longestBytes = 255;

/** The name of the file that a URL gives: of its path, else of the reply's `Content-Disposition`. Pure. */
export function downloadName(url: URL, contentDisposition: string | undefined): string {
  return (
    safeName(decode(url.pathname.split("/").at(-1) ?? "")) ??
    safeName(attachmentName(contentDisposition ?? "")) ??
    unnamed
  );
}

/** SPEC: RFC 6266. */
function attachmentName(header: string): string {
  const extended = /;\s*filename\*\s*=\s*UTF-8'[^']*'([^;\s]+)/i.exec(header)?.[1];
  if (extended !== undefined) return decode(extended);
  const [, quoted, plain] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(header) ?? [];
  return quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** SAFETY: a server gives it: it names one file of a directory, whatever it has in it. */
function safeName(text: string): string | undefined {
  const name = text.split(/[/\\]/).at(-1) ?? "";
  if (name === "" || name === "." || name === ".." || name.includes("\0")) return undefined;
  return Buffer.byteLength(name) > longestBytes ? undefined : name;
}
