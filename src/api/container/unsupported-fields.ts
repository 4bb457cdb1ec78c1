import { Failure } from "../../base/failure.ts";
import type { CreateRequest } from "./create-request.ts";
import { isKnownLogDriver } from "./log-config.ts";
import type { HostConfig, LogConfig } from "../types/host-config.ts";

/** Whether a field has its default value; any other value would change how the container runs. */
type IsDefault = (value: unknown) => boolean;

const empty: IsDefault = (value) => {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
};

const hostFields: Readonly<Partial<Record<keyof HostConfig, readonly [what: string, IsDefault]>>> = {
  LogConfig: ["log drivers", (value) => empty(value) || isKnownLogDriver((value as LogConfig).Type)],
  Cgroup: ["a cgroup of another container", empty],
  DeviceRequests: ["device requests (GPUs)", empty],
};

/** Throws Failure("unsupported") naming each field that asks for what we do not have yet. */
export function refuseUnsupported({ hostConfig }: Pick<CreateRequest, "hostConfig">): void {
  const found = namesOf(hostConfig as Record<string, unknown>, hostFields, "HostConfig.");
  if (found.length > 0) {
    throw new Failure("unsupported", `cannot create the container: not supported yet: ${found.join(", ")}`, {
      details: { fields: found },
    });
  }
}

/** The fields of an update that ask for what we do not have yet. */
export function namesOfUnsupported(resources: HostConfig): readonly string[] {
  return namesOf(resources as Record<string, unknown>, hostFields, "");
}

function namesOf(
  values: Readonly<Record<string, unknown>>,
  table: Readonly<Partial<Record<string, readonly [what: string, IsDefault]>>>,
  prefix: string,
): string[] {
  return Object.entries(table).flatMap(([name, row]) =>
    row === undefined || row[1](values[name]) ? [] : [`${row[0]} (${prefix}${name})`],
  );
}
