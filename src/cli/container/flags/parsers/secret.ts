import { parseSecretMode } from "../../../../api/secret/secret-request.ts";
import type { SecretReference } from "../../../../api/types/secret.ts";
import { Failure } from "../../../../base/failure.ts";

type Draft = { -readonly [Name in keyof SecretReference]: SecretReference[Name] };

const fields: Readonly<Record<string, (draft: Draft, value: string) => void>> = {
  source: (draft, value) => {
    draft.Source = value;
  },
  type: (draft, value) => {
    if (value !== "mount" && value !== "env")
      throw new Failure("invalid", `type ${JSON.stringify(value)} is invalid: must be mount or env`);
    draft.Type = value;
  },
  target: (draft, value) => {
    draft.Target = value;
  },
  uid: (draft, value) => {
    draft.UID = parseId("uid", value);
  },
  gid: (draft, value) => {
    draft.GID = parseId("gid", value);
  },
  mode: (draft, value) => {
    draft.Mode = value;
    parseSecretMode(value);
  },
};

/** `NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]`. Throws "invalid" with what is wrong. */
export function parseSecretFlag(text: string): SecretReference {
  const [first = "", ...rest] = text.split(",");
  const draft: Draft = {};
  const parts = first.includes("=") ? [first, ...rest] : [`source=${first}`, ...rest];
  for (const part of parts) {
    const at = part.indexOf("=");
    const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
    const set = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (set === undefined) {
      throw new Failure(
        "invalid",
        `unknown option ${JSON.stringify(part)}: want NAME[,type=mount|env][,target=][,uid=][,gid=][,mode=]`,
      );
    }
    if (value === "") throw new Failure("invalid", `${name} must not be empty`);
    set(draft, value);
  }
  if (draft.Source === undefined) throw new Failure("invalid", "missing secret name: want NAME first");
  if (draft.Type === "env" && (draft.UID ?? draft.GID ?? draft.Mode) !== undefined)
    throw new Failure("invalid", "uid, gid and mode cannot be used with type=env");
  return draft;
}

function parseId(name: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new Failure("invalid", `${name} must be a number, not ${JSON.stringify(text)}`);
}
