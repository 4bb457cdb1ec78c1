import { execFileSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

/** A tar made by tar(1) of what `fill` puts into a directory. */
export function makeTar(fill: (directory: string) => void, more: readonly string[] = []): Buffer {
  const directory = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
  try {
    fill(directory);
    const options = [
      "--format=pax",
      "--xattrs",
      "--xattrs-include=*",
      "--numeric-owner",
      "--sort=name",
      ...more,
    ];
    return execFileSync("tar", [...options, "-C", directory, "-cf", "-", "."], { maxBuffer: 1 << 28 });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A tar of empty files, without an entry for the root directory. */
export function tarOfNames(...names: readonly string[]): Buffer {
  const directory = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
  try {
    for (const name of names) writeFileSync(`${directory}/${name}`, "");
    return execFileSync("tar", ["--mtime=@0", "-C", directory, "-cf", "-", ...names]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const python = `import os, sys, base64
verb, path, name = sys.argv[1:4]
if verb == "set":
  v = sys.argv[4]
  os.setxattr(path, name, base64.b64decode(v[2:]) if v.startswith("0s") else v.encode())
else: print("0x" + os.getxattr(path, name).hex())
`;
/** xattr(7) has no place in node:fs; where python3 is missing, that part is left out. */
export const hasXattrs: boolean = existsSync("/usr/bin/python3");

export function setXattr(path: string, name: string, value: string): void {
  if (hasXattrs) execFileSync("python3", ["-c", python, "set", path, name, value]);
}

export function getXattr(path: string, name: string): string {
  // The child has descriptors of its own: by the path of ours.
  const whole = path.replace("/proc/self/", `/proc/${process.pid}/`);
  return execFileSync("python3", ["-c", python, "get", whole, name], { encoding: "utf8" }).trim();
}
