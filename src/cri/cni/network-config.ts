import { Failure } from "../../base/failure.ts";
import { isRecord, isText } from "../../base/is-record.ts";

/** One plugin of a network, as its file has it: what it does not name here goes to the plugin unchanged. */
export interface PluginConfig {
  /** Name of the program. */
  readonly type: string;
  /** Those that are on. */
  readonly capabilities: readonly string[];
  readonly fields: Readonly<Record<string, unknown>>;
}

/** SPEC: CNI 1.1.0, section 1: a network, whose plugins are run in their order. */
export interface NetworkConfig {
  readonly name: string;
  readonly cniVersion: string;
  readonly disablesCheck: boolean;
  readonly disablesGarbageCollection: boolean;
  readonly plugins: readonly PluginConfig[];
}

/** SPEC: CNI: its versions, the newest last. */
const versions = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

/** Whether `version` is at least `wanted`, which is one of the known. */
export function isAtLeast(version: string, wanted: (typeof versions)[number]): boolean {
  return versions.findIndex((each) => each === version) >= versions.indexOf(wanted);
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * Reads a network's file: a list of plugins, or (`.conf` and `.json`) one. `file` is for the message. Throws
 * Failure("invalid").
 */
export function parseNetworkConfig(text: string, file: string): NetworkConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw malformed(file, thrown instanceof Error ? thrown.message : "it is no JSON");
  }
  if (!isRecord(value)) throw malformed(file, "it is no object");
  const { name, plugins, type } = value;
  if (!isText(name) || !namePattern.test(name))
    throw malformed(file, "it has no name that a network can have");
  const given = Array.isArray(plugins) ? plugins : type === undefined ? [] : [value];
  if (given.length === 0) throw malformed(file, "it has no plugins");
  return {
    name,
    cniVersion: pickVersion(value, file),
    disablesCheck: isTrue(value["disableCheck"]),
    disablesGarbageCollection: isTrue(value["disableGC"]),
    plugins: given.map((each) => parsePlugin(each, file)),
  };
}

/** The newest that is known of those that the file offers. */
function pickVersion({ cniVersion, cniVersions }: Readonly<Record<string, unknown>>, file: string): string {
  const offered = Array.isArray(cniVersions) ? [...cniVersions, cniVersion] : [cniVersion];
  const found = versions.findLast((each) => offered.includes(each));
  if (found !== undefined) return found;
  const given = offered.filter(isText).join(", ");
  throw malformed(
    file,
    `its cniVersion ${given === "" ? "is absent" : `(${given}) is not known`}: use 1.0.0`,
  );
}

function parsePlugin(value: unknown, file: string): PluginConfig {
  if (!isRecord(value)) throw malformed(file, "a plugin is no object");
  const { type, capabilities } = value;
  // SAFETY: the name is looked up in the directories of plugins, and nowhere else.
  if (!isText(type) || !namePattern.test(type))
    throw malformed(file, "a plugin has no type, or one that is no name");
  const named = Object.entries(isRecord(capabilities) ? capabilities : {});
  const able = named.flatMap(([key, isOn]) => (isOn === true ? [key] : []));
  return { type, capabilities: able, fields: value };
}

/** Some files have the word as a text. */
function isTrue(value: unknown): boolean {
  return value === true || (isText(value) && value.toLowerCase() === "true");
}

function malformed(file: string, why: string): Failure {
  return new Failure("invalid", `cannot use the network configuration ${file}: ${why}`);
}

/** What the runtime knows of a pod, by the capability of plugins that want it. */
export type RuntimeConfig = Readonly<Record<string, unknown>>;

/**
 * What a plugin reads on its standard input.
 * SPEC: CNI 1.1.0, section 3, "Deriving request configuration from plugin configuration".
 */
export function pluginInput(
  { name, cniVersion }: Pick<NetworkConfig, "name" | "cniVersion">,
  { capabilities, fields }: PluginConfig,
  {
    runtimeConfig = {},
    prevResult,
    validAttachments,
  }: {
    readonly runtimeConfig?: RuntimeConfig | undefined;
    readonly prevResult?: unknown;
    readonly validAttachments?: readonly unknown[] | undefined;
  } = {},
): string {
  const wanted = Object.entries(runtimeConfig).filter(
    ([key, value]) => capabilities.includes(key) && value !== undefined,
  );
  const { capabilities: _, ...rest } = fields;
  return JSON.stringify({
    ...rest,
    name,
    cniVersion,
    ...(wanted.length === 0 ? {} : { runtimeConfig: Object.fromEntries(wanted) }),
    ...(prevResult === undefined ? {} : { prevResult }),
    ...(validAttachments === undefined ? {} : { "cni.dev/valid-attachments": validAttachments }),
  });
}

/** Addresses without their prefixes, of what a plugin has answered; in its order. */
export function addressesOf(result: unknown): readonly string[] {
  if (!isRecord(result) || !Array.isArray(result["ips"])) return [];
  return result["ips"].flatMap((each: unknown) => {
    const address = isRecord(each) ? each["address"] : undefined;
    return isText(address) ? [address.split("/")[0] ?? address] : [];
  });
}

/** What a plugin says went wrong, from its answer. SPEC: CNI 1.1.0, section 5, "Error". */
export function errorOfPlugin(output: string): { readonly code?: number; readonly message?: string } {
  try {
    const value: unknown = JSON.parse(output);
    if (!isRecord(value)) return {};
    const { code, msg, details } = value;
    const parts = [msg, details].filter((each): each is string => isText(each) && each !== "");
    return {
      ...(typeof code === "number" ? { code } : {}),
      ...(parts.length === 0 ? {} : { message: parts.join("; ") }),
    };
  } catch {
    return {};
  }
}
