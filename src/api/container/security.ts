import { mergeDefined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type { ContainerIsolation } from "../../model/container-spec.ts";
import type { HostConfig } from "../types/host-config.ts";

/**
 * The options of `SecurityOpt`, `MaskedPaths` and `ReadonlyPaths`. Options are `name=value`, or the older `name:value`.
 */
export function parseSecurity(hostConfig: HostConfig): ContainerIsolation {
  let plan: ContainerIsolation = {};
  for (const option of hostConfig.SecurityOpt ?? []) {
    const [, name = "", value] = /^([^=:]*)(?:[=:]([\s\S]*))?$/.exec(option) ?? [];
    plan = mergeDefined(plan, parseOption(name, value, { option, before: plan }));
  }
  const { MaskedPaths: masked, ReadonlyPaths: readonly } = hostConfig;
  // Docker's client turns systempaths=unconfined into two lists that are there and empty.
  if (masked?.length === 0 && readonly?.length === 0) return { ...plan, systemPaths: "unconfined" };
  return mergeDefined(plan, {
    maskedPaths: masked ?? undefined,
    readonlyPaths: readonly ?? undefined,
  });
}

function parseOption(
  name: string,
  value: string | undefined,
  { option, before }: { readonly option: string; readonly before: ContainerIsolation },
): ContainerIsolation {
  switch (name) {
    case "no-new-privileges":
      if (value === undefined || value === "true") return { noNewPrivileges: true };
      if (value === "false") return { noNewPrivileges: false };
      break;
    case "seccomp":
      if (value === "unconfined" || value === "builtin") return { seccomp: value };
      if (value?.trimStart().startsWith("{") === true) return { seccomp: { profile: value } };
      break;
    case "explain-denials":
      if (value === undefined || value === "true") return { explainDenials: true };
      if (value === "false") return { explainDenials: false };
      break;
    case "systempaths":
      if (value === "unconfined") return { systemPaths: "unconfined" };
      break;
    case "apparmor":
      if (value !== undefined && value !== "") return { appArmor: value };
      break;
    case "label":
      if (value === "disable") return { selinux: [] };
      if (value !== undefined && value !== "") return { selinux: [...(before.selinux ?? []), value] };
      break;
    case "writable-cgroups":
      if (value === undefined || value === "true") return { writableCgroups: true };
      if (value === "false") return { writableCgroups: false };
      break;
    default:
      break;
  }
  const step = value === undefined ? 1 : 2;
  throw new Failure("invalid", `invalid --security-opt ${step}: "${option.slice(0, 100)}"`);
}
