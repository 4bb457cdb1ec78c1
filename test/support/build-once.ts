import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./tare.ts";

/** Runs `make TARGET` for what several test files need, one after another. */
export function buildOnce(target: "lib" | "packages" | "deb"): void {
  mkdirSync(join(repository, "dist"), { recursive: true });
  execFileSync("flock", ["dist/make.lock", "make", "--silent", target], {
    cwd: repository,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DEB_COMPRESSION: "none" },
  });
}
