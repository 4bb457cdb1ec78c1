import { Failure } from "../../base/failure.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { FieldSchemas } from "../http/field-schemas.ts";
import { type PlainTareField, plainTareFields, type TareHostConfig } from "../types/host-config.ts";

type Settings = Required<Pick<ContainerSpec, PlainTareField["group"]>>;

const table = Object.entries(plainTareFields) as readonly [keyof TareHostConfig, PlainTareField][];

export const plainTareSchemas: FieldSchemas = Object.fromEntries(
  table.map(([name, { kind }]) => [name, kind]),
);

/** The settings of the fields in plainTareFields, by group. Throws "invalid". */
export function parsePlainTareFields(fields: TareHostConfig): Settings {
  const settings: Readonly<Record<PlainTareField["group"], Record<string, unknown>>> = {
    process: {},
    resources: {},
    storage: {},
    network: {},
    lifecycle: {},
  };
  for (const [name, field] of table) {
    const value = fields[name];
    if (isEmpty(value)) continue;
    checkPlain(name, { field, value, fields });
    settings[field.group][field.member] = value;
  }
  return settings;
}

function checkPlain(
  name: keyof TareHostConfig,
  {
    field: { words, needs },
    value,
    fields,
  }: { readonly field: PlainTareField; readonly value: unknown; readonly fields: TareHostConfig },
): void {
  if (words !== undefined && !words.includes(value as string)) {
    const wanted = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
    throw new Failure("invalid", `invalid ${name} "${String(value).slice(0, 50)}": want ${wanted}`);
  }
  if (needs !== undefined && isEmpty(fields[needs]))
    throw new Failure("invalid", `invalid ${name}: it needs ${needs}`);
}

/** The way back. */
export function formatPlainTareFields(settings: Partial<Settings>): TareHostConfig {
  const fields: Record<string, unknown> = {};
  for (const [name, { group, member }] of table) {
    const value = (settings[group] as Readonly<Record<string, unknown>> | undefined)?.[member];
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  return Array.isArray(value) && value.length === 0;
}
