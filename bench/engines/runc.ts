import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, runTimed } from "../harness/command.ts";
import type { Bed, Engine, Missing } from "./engine.ts";

/** The bare OCI runtime on a directory: no images, no overlay, no daemon, no log. */
export async function openRunc(bed: Bed): Promise<Engine | Missing> {
  if (findProgram("runc") === undefined)
    return { name: "runc", missing: "not installed: apt-get install runc" };
  const { owned } = bed;
  const state = owned.path("runc-run");
  const cgroup = `${owned.directory.split("/").at(-1)}-runc`;
  owned.addCgroup(cgroup);
  const runc = (...words: readonly string[]): readonly string[] => ["runc", "--root", state, ...words];
  const quick = makeBundle(bed, { name: "runc-true", args: ["true"], cgroup });
  const slow = makeBundle(bed, { name: "runc-idle", args: ["sleep", "1000000"], cgroup });
  // The container keeps the streams that it is given: not the pipe on which the bench would wait for their end.
  const detached = runc("run", "--detach", "--bundle", slow, "idle").join(" ");
  runTimed(["sh", "-c", `exec ${detached} </dev/null >/dev/null 2>&1`]);
  const version =
    runTimed(["runc", "--version"], { capture: true }).stdout.split("\n")[0]?.split(" ").at(-1) ?? "";
  let count = 0;
  return {
    name: "runc",
    version,
    runTrue: () => runc("run", "--bundle", quick, `c${count++}`),
    execTrue: () => runc("exec", "idle", "true"),
    async [Symbol.asyncDispose]() {
      runTimed(runc("delete", "--force", "idle"));
    },
  };
}

interface Bundle {
  readonly name: string;
  readonly args: readonly string[];
  readonly cgroup: string;
}

/**
 * `runc spec`'s own configuration with what `run --network none` means: all namespaces new, no terminal, a cgroup of
 * ours.
 */
function makeBundle(bed: Bed, { name, args, cgroup }: Bundle): string {
  const bundle = bed.owned.path(name);
  mkdirSync(bundle);
  runTimed(["runc", "spec", "--bundle", bundle]);
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  config.process.terminal = false;
  config.process.args = args;
  config.root = { path: bed.rootfs, readonly: false };
  config.linux.cgroupsPath = `/${cgroup}/${name}`;
  writeFileSync(path, JSON.stringify(config));
  return bundle;
}
