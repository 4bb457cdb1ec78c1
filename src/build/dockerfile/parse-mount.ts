import { parseByteSize } from "../../base/byte-size.ts";
import { Failure } from "../../base/failure.ts";
import type { RunDevice } from "../../spec/cdi-name.ts";
import type { RunMount } from "./dockerfile-types.ts";
import { cut, findBoolean, quote } from "./go-text.ts";
import { didYouMean } from "./suggest-name.ts";

const types = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const sharings = ["shared", "private", "locked"] as const;
const names = [
  "type",
  "from",
  "source",
  "target",
  "readonly",
  "id",
  "sharing",
  "required",
  "size",
  "mode",
  "uid",
  "gid",
  "src",
  "dst",
  "destination",
  "ro",
  "rw",
  "readwrite",
  "env",
];

/** Options while they are read; which of them a type allows is decided at the end. */
interface Draft {
  type: RunMount["type"];
  from?: string;
  source?: string;
  target?: string;
  readOnly?: boolean;
  required?: boolean;
  size?: number;
  id?: string;
  sharing?: (typeof sharings)[number];
  mode?: number;
  uid?: number;
  gid?: number;
  env?: string;
}

/**
 * Parses one value of RUN --mount. `expand` replaces the variables of each option's value. Throws Failure("invalid") in
 * BuildKit's words.
 */
export function parseRunMount(text: string, expand: (value: string) => string): RunMount {
  const draft: Draft = { type: "bind" };
  for (const field of splitFields(text, "mounts")) {
    const [written, value] = cut(field, "=");
    const name = written.toLowerCase();
    if (value === undefined) setFlag(draft, name, field);
    else setOption(draft, name, expand(value), field);
  }
  return finish(draft);
}

/** Checks what BuildKit checks of a mount before variables have values. Throws Failure("invalid"). */
export function checkRunMount(text: string): void {
  for (const field of splitFields(text, "mounts")) {
    const [written, value] = cut(field, "=");
    const name = written.toLowerCase();
    const dollar = value?.indexOf("$") ?? -1;
    if (name === "from" && value !== undefined && dollar !== -1 && dollar !== value.length - 1)
      throw invalid(`'${name}' doesn't support variable expansion, define alias stage instead`);
  }
}

/** Parses one value of RUN --device: `NAME`, `name=NAME,required`. Throws Failure("invalid") in BuildKit's words. */
export function parseRunDevice(text: string): RunDevice {
  let name = "";
  let required = false;
  for (const field of splitFields(text, "devices")) {
    const [written, value] = cut(field, "=");
    const key = written.toLowerCase();
    if (key === "required") {
      required = value === undefined ? true : parseBoolean(key, value);
    } else if (key === "name" && value !== undefined) {
      if (name !== "") throw invalid(`device name already set to ${name}`);
      name = value;
    } else if (name === "") name = field;
    else if (value === undefined) throw invalid(`invalid field '${field}' must be a key=value pair`);
    else throw invalid(`unexpected key '${key}' in '${field}'${didYouMean(key, ["name", "required"])}`);
  }
  return { name, required };
}

function setFlag(draft: Draft, name: string, field: string): void {
  if (name === "readonly" || name === "ro") draft.readOnly = true;
  else if (name === "readwrite" || name === "rw") draft.readOnly = false;
  else if (name !== "required") throw invalid(`invalid field '${field}' must be a key=value pair`);
  else setRequired(draft, true);
}

function setOption(draft: Draft, name: string, value: string, field: string): void {
  switch (name) {
    case "type": {
      const type = types.find((known) => known === value.toLowerCase());
      if (type === undefined)
        throw invalid(`unsupported mount type ${quote(value)}${didYouMean(value, types)}`);
      draft.type = type;
      return;
    }
    case "from":
      draft.from = value;
      return;
    case "source":
    case "src":
      draft.source = value;
      return;
    case "target":
    case "dst":
    case "destination":
      draft.target = value;
      return;
    case "readonly":
    case "ro":
      draft.readOnly = parseBoolean(name, value);
      return;
    case "readwrite":
    case "rw":
      draft.readOnly = !parseBoolean(name, value);
      return;
    case "required":
      setRequired(draft, value);
      return;
    case "size":
      if (draft.type !== "tmpfs") throw unexpected(name, draft.type);
      draft.size = parseSize(value);
      return;
    case "id":
      draft.id = value;
      return;
    case "sharing": {
      const sharing = sharings.find((known) => known === value.toLowerCase());
      if (sharing === undefined)
        throw invalid(`unsupported sharing value ${quote(value)}${didYouMean(value, sharings)}`);
      draft.sharing = sharing;
      return;
    }
    case "mode":
      draft.mode = parseNumber(name, value, 8);
      return;
    case "uid":
      draft.uid = parseNumber(name, value, 10);
      return;
    case "gid":
      draft.gid = parseNumber(name, value, 10);
      return;
    case "env":
      draft.env = value;
      return;
    default:
      throw invalid(`unexpected key '${name}' in '${field}'${didYouMean(name, names)}`);
  }
}

function setRequired(draft: Draft, value: string | true): void {
  if (draft.type !== "secret" && draft.type !== "ssh") throw unexpected("required", draft.type);
  draft.required = value === true ? true : parseBoolean("required", value);
}

function finish(draft: Draft): RunMount {
  const { type, from, source, target, id, mode, uid, gid } = draft;
  if (type === "bind" || type === "tmpfs") {
    for (const name of ["mode", "uid", "gid"] as const)
      if (draft[name] !== undefined) throw invalid(`${name} not allowed for ${quote(type)} type mounts`);
  }
  if (type === "secret") {
    if (from !== undefined && from !== "") throw invalid("secret mount should not have a from");
    if (draft.sharing !== undefined) throw invalid("secret mount should not define sharing");
    if ([source, target, id].every((value) => value === undefined || value === ""))
      throw invalid("invalid secret mount. one of source, target required");
    if (source !== undefined && source !== "" && id !== undefined && id !== "")
      throw invalid("both source and id can't be set");
  }
  if (draft.sharing !== undefined && type !== "cache")
    throw invalid(`invalid cache sharing set for ${type} mount`);
  const readOnly = draft.readOnly ?? (type !== "cache" && type !== "tmpfs");
  const owner = { mode, uid, gid };
  const required = draft.required ?? false;
  switch (type) {
    case "bind":
      return { type, from, source, target, readOnly };
    case "cache":
      return { type, id, from, source, target, readOnly, ...owner, sharing: draft.sharing ?? "shared" };
    case "tmpfs":
      return { type, target, readOnly, size: draft.size ?? 0 };
    case "secret":
      return { type, id, source, target, readOnly, ...owner, required, env: draft.env };
    case "ssh":
      return { type, id, source, target, readOnly, ...owner, required };
  }
}

function parseBoolean(name: string, value: string): boolean {
  const parsed = findBoolean(value);
  if (parsed === undefined) throw invalid(`invalid value for ${name}: ${value}`);
  return parsed;
}

function parseSize(value: string): number {
  try {
    return parseByteSize(value);
  } catch {
    throw invalid(`invalid value for size: ${value}`);
  }
}

function parseNumber(name: string, value: string, base: 8 | 10): number {
  const parsed = (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(value) ? Number.parseInt(value, base) : Number.NaN;
  if (!(parsed < 2 ** 32)) throw invalid(`invalid value ${value} for ${name}`);
  return parsed;
}

function unexpected(name: string, type: string): Failure {
  return invalid(`unexpected key '${name}' for mount type '${type}'`);
}

function invalid(message: string): Failure {
  return new Failure("invalid", message);
}

/** Fields of one line of CSV. */
function splitFields(text: string, what: string): readonly string[] {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (let at = 0; ; at = field.lastIndex) {
    field.lastIndex = at;
    const match = field.exec(text);
    if (match === null)
      throw invalid(
        text.charAt(at) === '"'
          ? `failed to parse csv ${what}: parse error on line 1, column ${at + 1}: extraneous or missing " in quoted-field`
          : `failed to parse csv ${what}: parse error on line 1, column ${at + 1}: bare " in non-quoted field`,
      );
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return fields;
  }
}
