import { Failure } from "../base/failure.ts";
import { isRecord, isText } from "../base/is-record.ts";
import { isOneOf } from "../base/keys.ts";
import { isCdiDeviceName, isCdiKind } from "./cdi-name.ts";

/** Changes to a container. SPEC: Container Device Interface, SPEC.md, "CDI JSON Specification". */
export interface CdiEdits {
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly deviceNodes: readonly CdiDeviceNode[];
  readonly mounts: readonly CdiMount[];
  readonly hooks: readonly CdiHook[];
  readonly additionalGids: readonly number[];
}

/** Type and numbers that are absent are those of the host's node. */
export interface CdiDeviceNode {
  readonly path: string;
  readonly hostPath: string;
  readonly type?: "b" | "c" | "u" | "p" | undefined;
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  readonly fileMode?: number | undefined;
  /** Letters of `rwm`. */
  readonly permissions: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface CdiMount {
  readonly hostPath: string;
  readonly containerPath: string;
  /** As mount(8) names them. */
  readonly options: readonly string[];
  readonly type?: "bind" | "tmpfs" | undefined;
}

export interface CdiHook {
  readonly hookName: string;
  readonly path: string;
  readonly args: readonly string[];
}

export interface CdiSpec {
  /** `vendor.com/class`. */
  readonly kind: string;
  /** Of every container that has one of the devices. */
  readonly edits: CdiEdits;
  /** By name. */
  readonly devices: ReadonlyMap<string, CdiEdits>;
  /** Of devices, with those of the whole specification; by name. */
  readonly annotations: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

const versions = ["0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0"] as const;
type CdiVersion = (typeof versions)[number];

const hookNames = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;

const largestNumber = 2 ** 32 - 1;

/** Checks a parsed specification. Throws Failure("invalid"), which names the field: `devices[1].name: …`. Pure. */
export function parseCdiSpec(value: unknown): CdiSpec {
  const spec = membersOf(value, "the specification", [
    "cdiVersion",
    "kind",
    "annotations",
    "devices",
    "containerEdits",
  ]);
  const version = spec["cdiVersion"];
  if (!isOneOf(versions, version))
    throw wrong("cdiVersion", `want one of ${versions.join(", ")}, not ${quoted(version)}`);
  const kind = spec["kind"];
  if (typeof kind !== "string" || !isCdiKind(kind))
    throw wrong("kind", `want VENDOR/CLASS, not ${quoted(kind)}`);
  if (kind.slice(kind.indexOf("/")).includes(".")) requireVersion(version, "0.6.0", "a class with a dot");
  const ofSpec = annotationsOf(spec["annotations"], "annotations", version);
  const annotations = new Map<string, Readonly<Record<string, string>>>();
  const devices = new Map<string, CdiEdits>();
  for (const [at, each] of listOf(spec["devices"], "devices").entries()) {
    const field = `devices[${at}]`;
    const device = membersOf(each, field, ["name", "annotations", "containerEdits"]);
    const given = device["name"];
    // YAML reads a name without quotes as a number.
    const name = Number.isSafeInteger(given) ? String(given) : given;
    if (typeof name !== "string" || !isCdiDeviceName(name))
      throw wrong(`${field}.name`, `invalid name ${quoted(name)}`);
    if (!/^[A-Za-z]/.test(name)) requireVersion(version, "0.5.0", "a name that begins with a digit");
    const own = annotationsOf(device["annotations"], `${field}.annotations`, version);
    if (devices.has(name)) throw wrong(`${field}.name`, `there are two devices "${name}"`);
    const edits = parseEdits(device["containerEdits"], `${field}.containerEdits`, version);
    if (Object.values(edits).every((list) => list.length === 0))
      throw wrong(`${field}.containerEdits`, "empty device edits");
    devices.set(name, edits);
    annotations.set(name, { ...ofSpec, ...own });
  }
  return { kind, edits: parseEdits(spec["containerEdits"], "containerEdits", version), devices, annotations };
}

function annotationsOf(value: unknown, field: string, version: CdiVersion): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  requireVersion(version, "0.6.0", "annotations");
  if (!isRecord(value)) throw wrong(field, "want an object");
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      // YAML reads a text without quotes as a number or a boolean.
      if (typeof each === "string" || typeof each === "boolean" || typeof each === "number")
        return [name, String(each)];
      throw wrong(`${field}[${quoted(name)}]`, `want a string, not ${quoted(each)}`);
    }),
  );
}

function parseEdits(value: unknown, field: string, version: CdiVersion): CdiEdits {
  const edits = membersOf(value ?? {}, field, [
    "env",
    "deviceNodes",
    "mounts",
    "hooks",
    "intelRdt",
    "additionalGids",
    "additionalGIDs",
  ]);
  if (edits["intelRdt"] !== undefined)
    throw wrong(`${field}.intelRdt`, "Tare does not change the classes of resctrl for a device");
  const gids = edits["additionalGids"] ?? edits["additionalGIDs"];
  if (gids !== undefined) requireVersion(version, "0.7.0", "additionalGids");
  return {
    env: textsOf(edits["env"], `${field}.env`).map((text) => {
      if (!/^[^=\0]+=[^\0]*$/.test(text)) throw wrong(`${field}.env`, `want NAME=VALUE, not ${quoted(text)}`);
      return text;
    }),
    deviceNodes: listOf(edits["deviceNodes"], `${field}.deviceNodes`).map((node, at) =>
      parseNode(node, `${field}.deviceNodes[${at}]`, version),
    ),
    mounts: listOf(edits["mounts"], `${field}.mounts`).map((mount, at) =>
      parseMount(mount, `${field}.mounts[${at}]`, version),
    ),
    hooks: listOf(edits["hooks"], `${field}.hooks`).map((hook, at) =>
      parseHook(hook, `${field}.hooks[${at}]`),
    ),
    additionalGids: listOf(gids, `${field}.additionalGids`).map((gid, at) =>
      requireNumber(gid, `${field}.additionalGids[${at}]`),
    ),
  };
}

function parseNode(value: unknown, field: string, version: CdiVersion): CdiDeviceNode {
  const node = membersOf(value, field, [
    "path",
    "hostPath",
    "type",
    "major",
    "minor",
    "fileMode",
    "permissions",
    "uid",
    "gid",
  ]);
  const numberOf = (name: string): number | undefined =>
    node[name] === undefined ? undefined : requireNumber(node[name], `${field}.${name}`);
  const type = node["type"] ?? "";
  if (!isOneOf(["", "b", "c", "u", "p"] as const, type))
    throw wrong(`${field}.type`, `want b, c, u or p, not ${quoted(type)}`);
  const permissions = node["permissions"] ?? "";
  if (typeof permissions !== "string" || !/^[rwm]{0,3}$/.test(permissions))
    throw wrong(`${field}.permissions`, `want letters of rwm, not ${quoted(permissions)}`);
  const path = requirePath(node["path"], `${field}.path`);
  const { hostPath } = node;
  if (hostPath !== undefined) requireVersion(version, "0.5.0", "hostPath of a device node");
  return {
    path,
    hostPath: hostPath === undefined || hostPath === "" ? path : requirePath(hostPath, `${field}.hostPath`),
    type: type === "" ? undefined : type,
    major: numberOf("major"),
    minor: numberOf("minor"),
    fileMode: numberOf("fileMode"),
    permissions: permissions === "" ? "rwm" : permissions,
    uid: numberOf("uid"),
    gid: numberOf("gid"),
  };
}

function parseMount(value: unknown, field: string, version: CdiVersion): CdiMount {
  const mount = membersOf(value, field, ["hostPath", "containerPath", "options", "type"]);
  const type = mount["type"] ?? "";
  if (type !== "") requireVersion(version, "0.4.0", "type of a mount");
  if (!isOneOf(["", "none", "bind", "tmpfs"] as const, type))
    throw wrong(`${field}.type`, `want bind or tmpfs, not ${quoted(type)}`);
  return {
    hostPath: type === "tmpfs" ? "tmpfs" : requirePath(mount["hostPath"], `${field}.hostPath`),
    containerPath: requirePath(mount["containerPath"], `${field}.containerPath`),
    options: textsOf(mount["options"], `${field}.options`),
    type: type === "tmpfs" ? "tmpfs" : "bind",
  };
}

function parseHook(value: unknown, field: string): CdiHook {
  const hook = membersOf(value, field, ["hookName", "path", "args", "env", "timeout"]);
  const { hookName } = hook;
  if (!isOneOf(hookNames, hookName))
    throw wrong(`${field}.hookName`, `want one of ${hookNames.join(", ")}, not ${quoted(hookName)}`);
  return {
    hookName,
    path: requirePath(hook["path"], `${field}.path`),
    args: textsOf(hook["args"], `${field}.args`),
  };
}

function membersOf(
  value: unknown,
  field: string,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw wrong(field, "want an object");
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw wrong(field, `unknown field ${quoted(unknown)}`);
  return value;
}

function listOf(value: unknown, field: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong(field, "want a list");
  return value;
}

function textsOf(value: unknown, field: string): readonly string[] {
  const list = listOf(value, field);
  if (!list.every(isText)) throw wrong(field, "want a list of strings");
  return list;
}

function requirePath(value: unknown, field: string): string {
  // SAFETY: no path of a specification leads out of the directory that it seems to be in.
  if (typeof value === "string" && value.startsWith("/") && !value.includes("\0")) {
    const names = value.split("/").filter((name) => name !== "" && name !== ".");
    if (names.length > 0 && !names.includes("..")) return value;
  }
  throw wrong(field, `want an absolute path without "..", not ${quoted(value)}`);
}

function requireNumber(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= largestNumber)
    return value;
  throw wrong(field, `want a number from 0 to ${largestNumber}, not ${quoted(value)}`);
}

function requireVersion(version: CdiVersion, least: CdiVersion, what: string): void {
  if (versions.indexOf(version) < versions.indexOf(least))
    throw wrong("cdiVersion", `the spec version must be at least ${least}, not ${version}: it has ${what}`);
}

function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 120);
}

function wrong(field: string, why: string): Failure {
  return new Failure("invalid", `${field}: ${why.slice(0, 300)}`);
}
