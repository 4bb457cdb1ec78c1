import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const parser = "/sbin/apparmor_parser";

/** Whether the kernel has AppArmor, it is on, and profiles can be loaded. */
export function hasAppArmor(): boolean {
  try {
    return (
      readFileSync("/sys/module/apparmor/parameters/enabled", "latin1").startsWith("Y") && existsSync(parser)
    );
  } catch {
    return false;
  }
}

const loaded = new Map<string, string | undefined>();

/** Loads a profile, once; returns what is wrong when that can't be done. */
export function loadAppArmorProfile(text: string): string | undefined {
  if (loaded.has(text)) return loaded.get(text);
  const { status, error, stderr } = spawnSync(parser, ["--replace", "--skip-cache", "--quiet"], {
    input: text,
    encoding: "utf8",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    cwd: "/",
    timeout: 30_000,
  });
  const problem = status === 0 ? undefined : (error?.message ?? stderr.trim().slice(0, 500));
  loaded.set(text, problem);
  return problem;
}
