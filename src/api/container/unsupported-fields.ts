import { Failure } from "../../base/failure.ts";
import type { CreateRequest } from "./create-request.ts";
import type { HostConfig } from "../types/host-config.ts";

/** Whether a field has its default value; any other value would change how the container runs. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** What a field asks for, and whether it has its default. */
const hostFields: readonly (readonly [
  name: keyof HostConfig,
  what: string,
  isDefault: (hostConfig: HostConfig) => boolean,
])[] = [["Cgroup", "a cgroup of another container", ({ Cgroup }) => isEmpty(Cgroup)]];

/** Throws Failure("unsupported") naming each field that asks for what we do not have yet. */
export function refuseUnsupported({ hostConfig }: Pick<CreateRequest, "hostConfig">): void {
  const found = namesOf(hostConfig, "HostConfig.");
  if (found.length > 0) {
    throw new Failure("unsupported", `cannot create the container: not supported yet: ${found.join(", ")}`, {
      details: { fields: found },
    });
  }
}

/** The fields of an update that ask for what we do not have yet. */
export function namesOfUnsupported(resources: HostConfig): readonly string[] {
  return namesOf(resources, "");
}

function namesOf(hostConfig: HostConfig, prefix: string): string[] {
  return hostFields.flatMap(([name, what, isDefault]) =>
    isDefault(hostConfig) ? [] : [`${what} (${prefix}${name})`],
  );
}
