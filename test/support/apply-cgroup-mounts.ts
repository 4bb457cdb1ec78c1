/** Applies a plan of planCgroupMounts() (JSON in TARE_PLAN) in the present, private, mount namespace. */
import { mkdirSync, symlinkSync } from "node:fs";
import type { CgroupMount } from "../../src/linux/cgroup/mounts.ts";
import { cloneTree, createFilesystem, moveMount, setMountAttributes } from "../../src/linux/mount/mount.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";

for (const step of JSON.parse(process.env["TARE_PLAN"] ?? "[]") as CgroupMount[]) {
  if (step.kind === "symlink") {
    symlinkSync(step.to, step.path);
    continue;
  }
  mkdirSync(step.target, { recursive: true });
  using target = openDirectoryPath(step.target);
  if (step.kind === "seal") {
    setMountAttributes(target.fd, { set: step.attributes });
  } else if (step.kind === "bind") {
    using tree = cloneTree(step.source);
    setMountAttributes(tree.fd, { set: step.attributes });
    moveMount(tree.fd, target.fd);
  } else {
    using mount = createFilesystem(step.type, step.parameters, {
      attributes: step.attributes,
      source: "cgroup",
    });
    moveMount(mount.fd, target.fd);
  }
}
