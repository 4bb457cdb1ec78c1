import { readFileSync } from "node:fs";

/** A small file's text without the line's end; undefined when it is absent or not readable. */
export function findText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch {
    return undefined;
  }
}

/** The number in a file; undefined when there is none. */
export function findNumber(path: string): number | undefined {
  const text = findText(path);
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}

/** `net.ipv4.ip_forward` in /proc/sys. */
export function findSysctl(name: string): number | undefined {
  return findNumber(`/proc/sys/${name.replaceAll(".", "/")}`);
}
