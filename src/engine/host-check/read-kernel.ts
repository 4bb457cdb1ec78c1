import { fromKeys } from "../../base/keys.ts";
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { findAddonProblem, listFeatures, listMissingCalls } from "../../linux/features.ts";
import { isForcedAbsent } from "../../linux/kernel/without.ts";
import { getNamespaceKind, namespaceKinds, type NamespaceType } from "../../linux/namespaces/namespaces.ts";
import type { FeatureFacts, KernelFacts, ModuleState } from "./facts.ts";
import { moduleParts } from "./modules.ts";
import { findSysctl, findText } from "./read-text.ts";

export function readKernel({ isPrivileged }: { readonly isPrivileged: boolean }): KernelFacts {
  const release = findText("/proc/sys/kernel/osrelease") ?? "0";
  const modules = readModules(release);
  const calls = readCalls({ isPrivileged, hasOverlay: modules["overlay"] !== "loadable" });
  const names = findText("/sys/kernel/security/lsm");
  return {
    release,
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    ...calls,
    namespaces: fromKeys(
      namespaceKinds.map(({ type }) => type),
      readNamespace,
    ),
    modules,
    unprivilegedUsernsClone: findSysctl("kernel.unprivileged_userns_clone"),
    restrictsUserns: findSysctl("kernel.apparmor_restrict_unprivileged_userns"),
    hasSeccompFilter: /^Seccomp_filters:|^Seccomp:/m.test(findText("/proc/self/status") ?? ""),
    hasAppArmor: (findText("/sys/module/apparmor/parameters/enabled") ?? "").startsWith("Y"),
    securityModules: names?.split(",").filter((name) => name !== ""),
  };
}

/** Probes nothing that would load a module. */
function readCalls({
  isPrivileged,
  hasOverlay,
}: {
  readonly isPrivileged: boolean;
  readonly hasOverlay: boolean;
}): Pick<KernelFacts, "features" | "missingCalls" | "addonProblem"> {
  const addonProblem = findAddonProblem();
  if (addonProblem !== undefined) return { features: undefined, missingCalls: undefined, addonProblem };
  const found = listFeatures(
    (probe) => (isPrivileged || probe.isPrivileged !== true) && (hasOverlay || probe.loads !== "overlay"),
  );
  const features = found.map(
    ({ name, since, without, importance, present, loads }): FeatureFacts => ({
      name,
      since,
      without,
      importance,
      isPresent: present,
      isForcedAbsent: isForcedAbsent(name),
      unloaded: present === undefined && isPrivileged ? loads : undefined,
    }),
  );
  return { features, missingCalls: listMissingCalls() };
}

function readModules(release: string): KernelFacts["modules"] {
  const directory = `/lib/modules/${release}`;
  const sources: ModuleSources = {
    loaded: findText("/proc/modules"),
    config: findConfig(release),
    builtin: findText(`${directory}/modules.builtin`),
    installed: findText(`${directory}/modules.dep`),
    filesystems: findText("/proc/filesystems"),
  };
  return Object.fromEntries(
    moduleParts.map(({ module, option }) => [module, findModuleState(module, option, sources)]),
  );
}

export interface ModuleSources {
  /** /proc/modules */
  readonly loaded: string | undefined;
  /** The kernel's build options. */
  readonly config: string | undefined;
  /** modules.builtin and modules.dep of the release. */
  readonly builtin: string | undefined;
  readonly installed: string | undefined;
  /** /proc/filesystems */
  readonly filesystems: string | undefined;
}

/** Underscores and dashes mean the same in a module's name. Pure. */
export function findModuleState(module: string, option: string, sources: ModuleSources): ModuleState {
  const name = module.replaceAll("_", "[_-]");
  const isFile = (list: string | undefined): boolean =>
    list !== undefined && new RegExp(`/${name}\\.ko(?:\\.\\w+)?(?::|$)`, "m").test(list);
  if (new RegExp(`^${name} `, "m").test(sources.loaded ?? "")) return "loaded";
  const built = sources.config === undefined ? undefined : findOption(sources.config, option);
  if (built === "y" || isFile(sources.builtin)) return "builtin";
  if (isFile(sources.installed)) return "loadable";
  if (new RegExp(`\\t${module}$`, "m").test(sources.filesystems ?? "")) return "builtin";
  if (built === "m") return "uninstalled";
  if (built === "n" || sources.installed !== undefined) return "absent";
  return "unknown";
}

function readNamespace(type: NamespaceType): KernelFacts["namespaces"][NamespaceType] {
  const { file } = getNamespaceKind(type);
  return {
    isPresent: existsSync(`/proc/self/ns/${file}`),
    limit: findSysctl(`user.max_${file}_namespaces`),
  };
}

function findOption(config: string, option: string): "y" | "m" | "n" {
  const value = new RegExp(`^CONFIG_${option}=([ym])$`, "m").exec(config)?.[1];
  return value === "y" || value === "m" ? value : "n";
}

function findConfig(release: string): string | undefined {
  const text = findText(`/boot/config-${release}`) ?? findText(`/lib/modules/${release}/config`);
  if (text !== undefined) return text;
  try {
    return gunzipSync(readFileSync("/proc/config.gz")).toString("latin1");
  } catch {
    return undefined;
  }
}
