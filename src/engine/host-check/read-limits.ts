import { readResourceLimit } from "../../linux/process/rlimit.ts";
import type { LimitFacts } from "./facts.ts";
import { findSysctl } from "./read-text.ts";

export function readLimits(): LimitFacts {
  const count = findSysctl("net.netfilter.nf_conntrack_count");
  const max = findSysctl("net.netfilter.nf_conntrack_max");
  return {
    openFiles: findOpenFiles(),
    pidMax: findSysctl("kernel.pid_max") ?? 32_768,
    threadsMax: findSysctl("kernel.threads-max") ?? 32_768,
    inotifyInstances: findSysctl("fs.inotify.max_user_instances") ?? 0,
    inotifyWatches: findSysctl("fs.inotify.max_user_watches") ?? 0,
    maxMapCount: findSysctl("vm.max_map_count") ?? 0,
    rootKeys: findSysctl("kernel.keys.root_maxkeys"),
    connections: count === undefined || max === undefined ? undefined : { count, max },
  };
}

function findOpenFiles(): number | undefined {
  try {
    return readResourceLimit("nofile").hard;
  } catch {
    return undefined; // without the addon
  }
}
