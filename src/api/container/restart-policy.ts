import { isOneOf } from "../../base/keys.ts";
import { Failure } from "../../base/failure.ts";
import type { RestartPolicy } from "../../model/restarts.ts";
import type { RestartPolicy as RestartPolicyField } from "../types/host-config.ts";

const names = [
  "no",
  "always",
  "on-failure",
  "unless-stopped",
] as const satisfies readonly RestartPolicy["name"][];

/** `HostConfig.RestartPolicy`; undefined when it is absent. Throws Failure("invalid") in Docker's words. */
export function readRestartPolicy(policy: RestartPolicyField | null | undefined): RestartPolicy | undefined {
  const { Name: name = "", MaximumRetryCount: count = 0 } = policy ?? {};
  if (name === "" && count === 0) return undefined;
  if (name !== "" && !isOneOf(names, name)) {
    throw refused(
      `unknown policy '${name.slice(0, 50)}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (name === "" || (name !== "on-failure" && count !== 0)) {
    const also = count < 0 ? " and cannot be negative" : "";
    throw refused(`maximum retry count can only be used with 'on-failure'${also}`);
  }
  if (count < 0) throw refused("maximum retry count cannot be negative");
  return count === 0 ? { name } : { name, maximumRetries: count };
}

/** The way back. */
export function formatRestartPolicy(policy: RestartPolicy): RestartPolicyField {
  return { Name: policy.name, MaximumRetryCount: policy.maximumRetries ?? 0 };
}

function refused(detail: string): Failure {
  return new Failure("invalid", `invalid restart policy: ${detail}`);
}
