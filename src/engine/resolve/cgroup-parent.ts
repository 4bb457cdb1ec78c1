import { parseCgroupPath } from "../../linux/cgroup/parent.ts";
import { quote, refuse } from "./refusal.ts";

/**
 * A parent cgroup in one spelling: with a slash before it below the root of each hierarchy, without below the engine's
 * own. Throws "invalid" for what would lead out of the tree, or among the engine's own cgroups.
 */
export function resolveCgroupParent(text: string, ownPath: string): string {
  const isAbsolute = text.startsWith("/");
  const path = parseCgroupPath(text).join("/");
  const isOwn = isAbsolute && `${path}/`.startsWith(`${ownPath}/`);
  const below = isOwn ? path.slice(ownPath.length + 1) : path;
  const [first = ""] = below.split("/");
  const isTaken = first === "" || first === "keepers" || /^(?:pod-)?[0-9a-f]{64}$/.test(first);
  if ((isOwn || !isAbsolute) && isTaken)
    throw refuse(`invalid cgroup parent ${quote(text)}: it is the engine's own`);
  return isAbsolute ? `/${path}` : path;
}
