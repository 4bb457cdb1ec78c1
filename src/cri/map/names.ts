import { createHash } from "node:crypto";

const longestName = 255;
const digestLength = 32;

/**
 * A name for the parts of an object's metadata, by which a second object with the same metadata is refused. Characters
 * that the engine's names cannot have, and long names, are replaced by a digest of the whole.
 */
export function nameOf(parts: readonly (string | number)[]): string {
  const whole = `k8s_${parts.join("_")}`;
  const cleaned = whole.replace(/[^a-zA-Z0-9_.-]/g, "-");
  if (cleaned === whole && whole.length <= longestName) return whole;
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, digestLength);
  return `${cleaned.slice(0, longestName - digestLength - 1)}_${digest}`;
}
