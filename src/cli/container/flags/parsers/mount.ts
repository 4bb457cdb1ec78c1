import type { Mount } from "../../../../api/types/host-config.ts";
import { parseByteSize } from "../../../../base/byte-size.ts";
import { Failure } from "../../../../base/failure.ts";
import { parseIdmapOption } from "../../../../spec/idmap-option.ts";
import { paths } from "../../../builtin-modules.ts";
import { parseCsvFields } from "../../../flags/csv-fields.ts";
import { parseTruth } from "../../../flags/kinds.ts";

/** The fields of a `--mount` that were parsed so far. */
interface Draft {
  type: string;
  source?: string | undefined;
  target?: string | undefined;
  readonly?: boolean | undefined;
  consistency?: string | undefined;
  readonly bind: Record<string, string | boolean>;
  readonly volume: { NoCopy?: boolean | undefined; Subpath?: string | undefined };
  readonly labels: Record<string, string>;
  readonly driver: { Name?: string | undefined; Options?: Record<string, string> | undefined };
  readonly image: { Subpath?: string | undefined };
  readonly tmpfs: {
    SizeBytes?: number | undefined;
    Mode?: number | undefined;
    Options?: (readonly string[])[] | undefined;
  };
  /** Groups of options that were used: bind, volume, image, tmpfs. */
  readonly groups: Set<string>;
}

type Field = (draft: Draft, value: string, key: string) => void;

const source: Field = (draft, value) => {
  draft.source = value === "." || value.startsWith("./") ? paths().resolve(value) : value;
};
const target: Field = (draft, value) => {
  draft.target = value;
};
const readonly: Field = (draft, value, key) => {
  draft.readonly = truth(value, key);
};
const recursions: Readonly<Record<string, string | undefined>> = {
  enabled: undefined,
  disabled: "NonRecursive",
  writable: "ReadOnlyNonRecursive",
  readonly: "ReadOnlyForceRecursive",
};

const fields: Readonly<Record<string, Field>> = {
  type: (draft, value) => {
    draft.type = value.toLowerCase();
  },
  source,
  src: source,
  target,
  dst: target,
  destination: target,
  readonly,
  ro: readonly,
  consistency: (draft, value) => {
    draft.consistency = value.toLowerCase();
  },
  "bind-propagation": ({ bind }, value) => {
    bind["Propagation"] = value.toLowerCase();
  },
  "bind-nonrecursive": ({ bind }, value, key) => {
    bind["NonRecursive"] = truth(value, key);
  },
  "bind-recursive": ({ bind }, value, key) => {
    if (!Object.hasOwn(recursions, value)) {
      throw wrong(key, `${value} (must be "enabled", "disabled", "writable", or "readonly")`);
    }
    const option = recursions[value];
    if (option !== undefined) bind[option] = true;
  },
  idmap: ({ bind, groups }, value, key) => {
    const text = value === "true" ? "" : value;
    try {
      parseIdmapOption(text);
    } catch {
      throw wrong(key, value);
    }
    groups.add("bind");
    bind["IdMap"] = text;
  },
  "bind-create-src": ({ bind }, value, key) => {
    bind["CreateMountpoint"] = truth(value, key);
  },
  "volume-subpath": ({ volume }, value) => {
    volume.Subpath = value;
  },
  "image-subpath": ({ image }, value) => {
    image.Subpath = value;
  },
  "volume-nocopy": ({ volume }, value, key) => {
    volume.NoCopy = truth(value, key);
  },
  "volume-label": ({ labels }, value) => addPair(labels, value),
  "volume-driver": ({ driver }, value) => {
    driver.Name = value;
  },
  "volume-opt": ({ driver }, value) => {
    driver.Options ??= {};
    addPair(driver.Options, value);
  },
  "tmpfs-size": ({ tmpfs }, value, key) => {
    try {
      tmpfs.SizeBytes = parseByteSize(value);
    } catch {
      throw wrong(key, value);
    }
  },
  "tmpfs-mode": ({ tmpfs }, value, key) => {
    if (!/^[0-7]{1,11}$/.test(value) || Number.parseInt(value, 8) >= 2 ** 32) throw wrong(key, value);
    tmpfs.Mode = Number.parseInt(value, 8);
  },
  "tmpfs-options": ({ tmpfs }, value) => {
    const options = value.split(",").filter((option) => option !== "");
    tmpfs.Options = [...(tmpfs.Options ?? []), ...options.map(splitOption)];
  },
};

/** Those that stand for true when they have no value. */
const bare: ReadonlySet<string> = new Set([
  "readonly",
  "ro",
  "volume-nocopy",
  "bind-nonrecursive",
  "bind-create-src",
  "idmap",
]);

/** Reads `type=bind,source=/a,target=/b,readonly`. Throws Failure("invalid") in Docker's words. */
export function parseMount(text: string): Mount {
  const draft: Draft = {
    type: "volume",
    bind: {},
    volume: {},
    labels: {},
    driver: {},
    image: {},
    tmpfs: {},
    groups: new Set(),
  };
  for (const field of parseCsvFields(text)) readField(draft, field);
  return finish(draft);
}

function readField(draft: Draft, field: string): void {
  const at = field.indexOf("=");
  const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
  if (at < 0 && !bare.has(key))
    throw new Failure("invalid", `invalid field '${field}' must be a key=value pair`);
  const read = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (read === undefined) throw new Failure("invalid", `unexpected key '${key}' in '${field}'`);
  read(draft, at < 0 ? "true" : field.slice(at + 1), key);
  const group = /^(bind|volume|image|tmpfs)-/.exec(key)?.[1];
  // "enabled" is how it is anyway.
  if (group !== undefined && field !== "bind-recursive=enabled") draft.groups.add(group);
}

function finish(draft: Draft): Mount {
  const { type, groups, bind } = draft;
  if (type === "") throw new Failure("invalid", "type is required");
  if (draft.target === undefined || draft.target === "") throw new Failure("invalid", "target is required");
  for (const group of ["volume", "bind", "image", "tmpfs"]) {
    if (groups.has(group) && type !== group) {
      throw new Failure("invalid", `cannot mix '${group}-*' options with mount type '${type}'`);
    }
  }
  const needs = (option: string, other: string): Failure =>
    new Failure("invalid", `option '${option}' requires '${other}' to be specified in conjunction`);
  for (const [word, option] of Object.entries(recursions)) {
    if (option?.startsWith("ReadOnly") !== true || bind[option] !== true) continue;
    if (draft.readonly !== true) throw needs(`bind-recursive=${word}`, "readonly");
    if (word === "readonly" && bind["Propagation"] !== "rprivate") {
      throw needs("bind-recursive=readonly", "bind-propagation=rprivate");
    }
  }
  return requestOf(draft, draft.target);
}

function requestOf(draft: Draft, path: string): Mount {
  const { type, groups, bind, volume, image, labels, driver, tmpfs, consistency } = draft;
  const hasDriver = Object.keys(driver).length > 0;
  return {
    // The daemon validates it.
    Type: type,
    Target: path,
    Source: draft.source,
    ReadOnly: draft.readonly === true || undefined,
    Consistency: consistency,
    BindOptions: groups.has("bind") ? bind : undefined,
    VolumeOptions: groups.has("volume")
      ? {
          ...volume,
          Labels: Object.keys(labels).length === 0 ? undefined : labels,
          DriverConfig: hasDriver ? driver : undefined,
        }
      : undefined,
    ImageOptions: groups.has("image") ? image : undefined,
    TmpfsOptions: groups.has("tmpfs") ? tmpfs : undefined,
  };
}

function truth(value: string, key: string): boolean {
  const found = parseTruth(value);
  if (found === undefined) throw wrong(key, value);
  return found;
}

function wrong(key: string, value: string): Failure {
  return new Failure("invalid", `invalid value for ${key}: ${value}`);
}

function addPair(map: Record<string, string>, text: string): void {
  const [name = "", value = ""] = splitOption(text);
  if (name !== "") map[name] = value;
}

function splitOption(text: string): readonly string[] {
  const at = text.indexOf("=");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
