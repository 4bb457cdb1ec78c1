import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, type Stats } from "node:fs";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/**
 * Makes `into` what aufs would show of the directories, from the topmost to the lowest, each looked at for whiteouts
 * (`ro+wh`): aufs's lookup, step by step, with nothing of the code that is tested.
 */
export function showAufs(branches: readonly string[], into: string): void {
  const { mode, uid, gid } = lstatSync(branches[0] as string);
  mkdirSync(into);
  chownSync(into, uid, gid);
  chmodSync(into, mode & 0o7777);
  const names = new Set(branches.flatMap((branch) => readdirSync(branch)));
  for (const name of names) {
    if (name.startsWith(WHITEOUT)) continue;
    const found = lookUp(branches, name);
    const [top] = found;
    if (top === undefined) continue;
    if (statOf(top)?.isDirectory() === true) showAufs(found, `${into}/${name}`);
    else execFileSync("cp", ["-a", top, `${into}/${name}`]);
  }
}

/** Where `name` is, from the topmost to the lowest of those that count. */
function lookUp(branches: readonly string[], name: string): string[] {
  const found: string[] = [];
  let type: number | undefined;
  for (const branch of branches) {
    if (statOf(`${branch}/${WHITEOUT}${name}`)?.isFile() === true) break;
    const path = `${branch}/${name}`;
    const stat = statOf(path);
    if (stat === undefined) continue;
    const typeHere = stat.mode & 0o170000;
    if (type !== undefined && type !== typeHere) continue;
    type = typeHere;
    found.push(path);
    if (!stat.isDirectory() || statOf(`${path}/${OPAQUE}`)?.isFile() === true) break;
  }
  return found;
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
