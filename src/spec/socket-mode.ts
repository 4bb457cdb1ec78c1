import { Failure } from "../base/failure.ts";

/** Permissions of the daemon's socket, as octal digits: `0660`. Throws "invalid". */
export function parseSocketMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw new Failure("invalid", `invalid --socket-mode "${text}": want three octal digits, such as 0660`);
}
