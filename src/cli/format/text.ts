/** At most so many characters; what is cut is an ellipsis, which counts. */
export function ellipsize(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}

/** Twelve hex digits of an id or digest. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

/** A time as Go prints it: `2026-11-23 23:40:23 +0000 UTC`, in our zone. */
export function formatLocalTime(seconds: number): string {
  const zone = zoneOffset(new Date(seconds * 1000)).replace(":", "");
  return `${localIso(seconds * 1000).replace("T", " ")} ${zone} ${zone === "+0000" ? "UTC" : zone}`;
}

/** RFC 3339 with nine digits, in our zone, so that lines align. */
export function formatLocalRfc3339(ns: bigint): string {
  const ms = Number(ns / 1_000_000n);
  const zone = zoneOffset(new Date(ms));
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, "0");
  return `${localIso(ms)}.${fraction}${zone === "+00:00" ? "Z" : zone}`;
}

function localIso(ms: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - offsetMs).toISOString().slice(0, 19);
}

function zoneOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}
