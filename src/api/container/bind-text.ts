import { Failure, sentenceOf } from "../../base/failure.ts";
import type { BindMount, VolumeMount } from "../../model/mounts.ts";
import { parseIdmapOption } from "../../spec/idmap-option.ts";

type Propagation = NonNullable<BindMount["propagation"]>;

const propagations: readonly string[] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

export function isPropagation(text: string): text is Propagation {
  return propagations.includes(text);
}

/** Each option belongs to one group, of which one may be given. Labels and consistency mean nothing here. */
const optionGroups: readonly (readonly string[])[] = [
  ["ro", "rw"],
  ["z", "Z"],
  propagations,
  ["nocopy"],
  ["consistent", "cached", "delegated", "default"],
];

/** Ours: whose files they are. */
const idmapWord = /^idmap(?:=(\d{1,10}(?:-\d{1,10})?))?$/;

/** Is this what can come behind the second colon of `-v`? Empty counts. */
export function isMountMode(mode: string): boolean {
  if (mode === "") return true;
  const groups = mode.split(",").map((option) => {
    const group = optionGroups.findIndex((words) => words.includes(option));
    return group < 0 && idmapWord.test(option) ? optionGroups.length : group;
  });
  return !groups.includes(-1) && new Set(groups).size === groups.length;
}

/**
 * Parses the value of `-v`: `/source:/target[:ro,rslave,…]` is a bind, `name:/target[:ro,nocopy,…]` a volume, `/target`
 * an anonymous volume. Throws Failure("invalid") in Docker's words.
 */
export function parseBind(text: string, volumeDriver = ""): BindMount | VolumeMount {
  const parts = text.split(":");
  if (parts.length > 3 || parts[0] === "") throw invalidSpec(text);
  const [source = "", target = "", mode = ""] = parts.length === 1 ? ["", ...parts] : parts;
  // "/target:ro" has no source.
  if (parts.length === 2 && isMountMode(target)) throw invalidSpec(text);
  if (!isMountMode(mode)) throw new Failure("invalid", `invalid mode: ${mode.slice(0, 100)}`);
  const options = mode.split(",");
  const isBind = source.startsWith("/");
  const common = {
    target,
    readonly: options.includes("ro") || undefined,
    mode: mode || undefined,
  };
  const propagation = options.find(isPropagation);
  const idmap = options.map((option) => idmapWord.exec(option)).find((match) => match !== null);
  try {
    requireTarget(common.target, isBind ? "bind" : "volume");
    if (!isBind && idmap !== undefined) throw mountFailure("volume", "idmap is for binds");
    if (!isBind && propagation !== undefined) throw extraField("volume", "BindOptions");
    if (isBind && options.includes("nocopy")) throw extraField("bind", "VolumeOptions");
  } catch (thrown) {
    throw new Failure("invalid", `${invalidSpec(text).message}: ${sentenceOf(thrown)}`, {
      cause: thrown,
    });
  }
  if (isBind) {
    return {
      kind: "bind",
      source,
      ...common,
      createSource: true,
      propagation,
      idmap: idmap && parseIdmapOption(idmap[1] ?? ""),
    };
  }
  return {
    kind: "volume",
    name: source || undefined,
    ...common,
    copy: options.includes("nocopy") ? false : undefined,
    driver: volumeDriver || undefined,
  };
}

/** Throws Failure("invalid") unless the path is absolute and not the root itself. */
export function requireTarget(target: string, type: string): void {
  if (target === "") throw missingField(type, "Target");
  if (!target.startsWith("/")) {
    throw mountFailure(type, `invalid mount path: '${target.slice(0, 200)}' mount path must be absolute`);
  }
  if (/^\/+(?:\.\/*)*$/.test(target)) {
    throw mountFailure(type, "invalid specification: destination can't be '/'");
  }
}

/** Docker's message for an invalid mount. */
export function mountFailure(type: string, detail: string): Failure {
  return new Failure("invalid", `invalid mount config for type "${type.slice(0, 50)}": ${detail}`);
}

export function missingField(type: string, field: string): Failure {
  return mountFailure(type, `field ${field} must not be empty`);
}

export function extraField(type: string, field: string): Failure {
  return mountFailure(type, `field ${field} must not be specified`);
}

function invalidSpec(text: string): Failure {
  return new Failure("invalid", `invalid volume specification: '${text.slice(0, 300)}'`);
}
