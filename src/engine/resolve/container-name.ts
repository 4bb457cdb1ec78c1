import { randomBytes } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import { quote } from "./refusal.ts";
import { adjectives, surnames } from "./words.ts";
import { type ContainerId, parseContainerId } from "../../model/ids.ts";

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** The name without Docker's leading slash. Throws "invalid" for what can be no name. */
export function parseContainerName(text: string): string {
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (pattern.test(name) && name.length <= 255) return name;
  if (pattern.test(name)) {
    throw new Failure(
      "invalid",
      `cannot name a container ${quote(name)}: at most 255 characters are allowed`,
    );
  }
  throw new Failure(
    "invalid",
    `Invalid container name (${text.slice(0, 300)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** A free name such as `quiet_noether`; after some tries with a number, so it always ends. */
export function randomContainerName(isTaken: (name: string) => boolean): string {
  for (let tries = 0; ; tries++) {
    const random = randomBytes(4);
    const [left, right] = [random.readUInt16LE(0), random.readUInt16LE(2)];
    const base = `${adjectives[left % adjectives.length]}_${surnames[right % surnames.length]}`;
    const name = tries < 8 ? base : `${base}${randomBytes(4).readUInt32LE()}`;
    if (!isTaken(name)) return name;
  }
}

/** A new id: 64 hex digits, of which the first twelve are not all decimal (those would be taken for a number). */
export function randomContainerId(): ContainerId {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (!/^\d{12}/.test(id)) return parseContainerId(id);
  }
}
