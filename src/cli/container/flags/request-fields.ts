import type { ContainerConfig } from "../../../api/types/container-config.ts";
import type { HostConfig, TareHostConfig } from "../../../api/types/host-config.ts";
import type { Flag } from "../../flags/flag.ts";

/** The context that a conversion may depend on besides the value. */
export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

type Part = "config" | "host" | "tare";

interface Field<T> {
  readonly part: Part;
  readonly name: string;
  /** Also an empty value is sent when the flag was given: it differs from an absent one. */
  readonly whenGiven?: boolean | undefined;
  /** Undefined: the field is left out. May throw optionFailure(). */
  convert?(value: T, surroundings: Surroundings): unknown;
}

/** A flag whose value becomes one field of the request that creates a container. */
export interface FieldFlag<T> extends Flag<T> {
  readonly field?: Field<NonNullable<T>> | undefined;
}

/** The table that gives the values `V`, with the fields that they become. */
export type FieldTable<V> = { readonly [K in keyof V]: FieldFlag<V[K]> };

type Convert<T, F> = (value: NonNullable<T>, surroundings: Surroundings) => F | undefined;
interface Options {
  readonly whenGiven?: boolean | undefined;
}

/** The flag sets a field of `Config`, by default to its value. */
export function toConfig<K extends keyof ContainerConfig, T>(
  name: K,
  flag: Flag<T>,
  convert: Convert<T, ContainerConfig[K]>,
  options?: Options,
): FieldFlag<T>;
export function toConfig<K extends keyof ContainerConfig, T extends ContainerConfig[K] | undefined>(
  name: K,
  flag: Flag<T>,
): FieldFlag<T>;
export function toConfig<T>(name: string, ...rest: Rest<T>): FieldFlag<T> {
  return toField("config", name, rest);
}

/** The flag sets a field of `HostConfig`. */
export function toHost<K extends keyof HostConfig, T>(
  name: K,
  flag: Flag<T>,
  convert: Convert<T, HostConfig[K]>,
  options?: Options,
): FieldFlag<T>;
export function toHost<K extends keyof HostConfig, T extends HostConfig[K] | undefined>(
  name: K,
  flag: Flag<T>,
): FieldFlag<T>;
export function toHost<T>(name: string, ...rest: Rest<T>): FieldFlag<T> {
  return toField("host", name, rest);
}

/** The flag sets a field of `HostConfig.Tare`, which Docker's API does not have. */
export function toTare<K extends keyof TareHostConfig, T>(
  name: K,
  flag: Flag<T>,
  convert: Convert<T, TareHostConfig[K]>,
): FieldFlag<T>;
export function toTare<K extends keyof TareHostConfig, T extends TareHostConfig[K] | undefined>(
  name: K,
  flag: Flag<T>,
): FieldFlag<T>;
export function toTare<T>(name: string, ...rest: Rest<T>): FieldFlag<T> {
  return toField("tare", name, rest);
}

type Rest<T> = readonly [flag: Flag<T>, convert?: Convert<T, unknown>, options?: Options];

function toField<T>(part: Part, name: string, [flag, convert, options = {}]: Rest<T>): FieldFlag<T> {
  const field: Field<NonNullable<T>> = convert === undefined ? { part, name } : { part, name, convert };
  return { ...flag, field: { ...field, ...options } };
}

/** The fields that the flags of a table set. Empty values set none, unless the flag asks for it. */
export function parseFields<V>(
  table: FieldTable<V>,
  values: V,
  { given, ...surroundings }: Surroundings & { readonly given: ReadonlySet<string> },
): { readonly config: ContainerConfig; readonly hostConfig: HostConfig } {
  const parts: Readonly<Record<Part, Record<string, unknown>>> = { config: {}, host: {}, tare: {} };
  for (const [flag, { field }] of Object.entries<FieldFlag<unknown>>(table)) {
    if (field === undefined) continue;
    const { part, name, whenGiven = false } = field;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the flags of the table are the names of the values
    const value = values[flag as keyof V];
    if (whenGiven ? !given.has(flag) : isEmpty(value)) continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the flag's own type is known where the table is written
    const set = field.convert === undefined ? value : field.convert(value as object, surroundings);
    if (set !== undefined) parts[part][name] = set;
  }
  const { config, host, tare } = parts;
  return { config, hostConfig: isEmpty(tare) ? host : { ...host, Tare: tare } };
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
