import { fromKeys, isOneOf, keysOf } from "../../base/keys.ts";
import { Failure } from "../../base/failure.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { type PlainTareField, plainTareFields, type TareHostConfig } from "../types/host-config.ts";

type Settings = Required<Pick<ContainerSpec, PlainTareField["group"]>>;

type PlainTareName = keyof typeof plainTareFields;

const names = keysOf(plainTareFields);

type PlainTareSchemas = { readonly [Name in PlainTareName]: (typeof plainTareFields)[Name]["kind"] };

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromKeys() has one type for all members
export const plainTareSchemas: PlainTareSchemas = fromKeys(
  names,
  (name) => plainTareFields[name].kind,
) as PlainTareSchemas;

/** The settings of the fields in plainTareFields, by group. Throws "invalid". */
export function parsePlainTareFields(fields: TareHostConfig): Settings {
  const settings: Readonly<Record<PlainTareField["group"], Record<string, unknown>>> = {
    process: {},
    resources: {},
    storage: {},
    network: {},
    lifecycle: {},
  };
  for (const name of names) {
    const field: PlainTareField = plainTareFields[name];
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
  if (words !== undefined && !isOneOf(words, value)) {
    const wanted = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
    throw new Failure("invalid", `invalid ${name} "${String(value).slice(0, 50)}": want ${wanted}`);
  }
  if (needs !== undefined && isEmpty(fields[needs]))
    throw new Failure("invalid", `invalid ${name}: it needs ${needs}`);
}

/** The way back. */
export function formatPlainTareFields(settings: Partial<Settings>): TareHostConfig {
  const fields: Record<string, unknown> = {};
  for (const name of names) {
    const { group, member } = plainTareFields[name];
    const value = Object.entries(settings[group] ?? {}).find(([key]) => key === member)?.[1];
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  return Array.isArray(value) && value.length === 0;
}
