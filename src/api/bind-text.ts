import { Failure } from "../base/failure.ts";

export type Propagation = "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";

/** A bind of a folder or file of the host. */
export interface BindMount {
  readonly kind: "bind";
  readonly source: string;
  readonly target: string;
  readonly readonly?: boolean;
  readonly propagation?: Propagation;
  readonly createSource?: boolean;
}

const propagations: readonly string[] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

export function isPropagation(text: string): text is Propagation {
  return propagations.includes(text);
}

/**
 * Reads `/source:/target[:ro,rslave,…]`. Labels (`z`, `Z`) and consistency words mean nothing here and are passed over.
 * Throws Failure("invalid"), or "unsupported" for a volume's name as the source.
 */
export function parseBind(text: string): BindMount {
  const parts = text.split(":");
  const [source = "", target = "", options = ""] = parts;
  if (parts.length < 2 || parts.length > 3 || source === "" || target === "") {
    throw refused(text, "it must be /source:/target or /source:/target:options");
  }
  if (!source.startsWith("/")) {
    throw new Failure(
      "unsupported",
      `cannot bind "${text.slice(0, 200)}": named volumes are not supported yet`,
    );
  }
  requireTarget(target, text);
  let readonly = false;
  let propagation: Propagation | undefined;
  for (const option of options === "" ? [] : options.split(",")) {
    if (option === "ro") readonly = true;
    else if (isPropagation(option)) propagation = option;
    else if (!["rw", "z", "Z", "consistent", "cached", "delegated", "default", "nocopy"].includes(option)) {
      throw refused(text, `there is no option "${option.slice(0, 50)}"`);
    }
  }
  return {
    kind: "bind",
    source,
    target,
    createSource: true,
    ...(readonly ? { readonly } : {}),
    ...(propagation === undefined ? {} : { propagation }),
  };
}

/** Throws Failure("invalid") unless the path is absolute and not the root itself. */
export function requireTarget(target: string, mount: string): void {
  if (!target.startsWith("/")) throw refused(mount, "the path in the container must be absolute");
  if (/^\/+(?:\.\/*)*$/.test(target)) throw refused(mount, "the path in the container can't be /");
}

function refused(text: string, detail: string): Failure {
  return new Failure("invalid", `cannot read mount "${text.slice(0, 200)}": ${detail}`);
}
