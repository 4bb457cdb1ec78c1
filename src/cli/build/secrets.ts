import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import type { CliContext } from "../context.ts";
import { parseCsvFields } from "../flags/csv-fields.ts";

/** Where the value of a secret comes from; neither: from the variable of its name if there is one, else that file. */
export interface SecretSource {
  readonly id: string;
  readonly file?: string | undefined;
  readonly variable?: string | undefined;
}

/** `id=NAME,src=FILE`, `id=NAME,env=VARIABLE`. Throws "invalid" in BuildKit's words. */
export function parseSecret(text: string): SecretSource {
  const fields = new Map<string, string>();
  for (const field of parseCsvFields(text)) {
    const equals = field.indexOf("=");
    if (equals < 0) throw new Failure("invalid", `invalid field '${field}' must be a key=value pair`);
    fields.set(field.slice(0, equals).toLowerCase(), field.slice(equals + 1));
  }
  for (const key of fields.keys()) {
    if (!["type", "id", "source", "src", "env"].includes(key))
      throw new Failure("invalid", `unexpected key '${key}' in '${key}=${fields.get(key) ?? ""}'`);
  }
  const type = fields.get("type") ?? "";
  if (!["", "file", "env"].includes(type))
    throw new Failure("invalid", `unsupported secret type ${JSON.stringify(type)}`);
  const source = fields.get("source") ?? fields.get("src");
  const id = fields.get("id") ?? "";
  if (id === "") throw new Failure("invalid", "secret missing 'id'");
  const variable = fields.get("env");
  return type === "env" && variable === undefined ? { id, variable: source } : { id, file: source, variable };
}

/** The values in base64, by id. Throws "not-found" for a file that is not there. */
export async function readSecrets(
  sources: readonly SecretSource[],
  { env, cwd }: Pick<CliContext, "env" | "cwd">,
): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const { id, file, variable } of sources) {
    const name = variable ?? (file === undefined && env[id] !== undefined ? id : undefined);
    const bytes = name === undefined ? await readSecretFile(file ?? id, cwd) : Buffer.from(env[name] ?? "");
    values[id] = bytes.toString("base64");
  }
  return values;
}

async function readSecretFile(path: string, cwd: string): Promise<Buffer> {
  try {
    return await readFile(resolve(cwd, path));
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT")
      throw new Failure("not-found", `failed to stat ${path}: stat ${path}: no such file or directory`);
    throw new Failure("invalid", `cannot read the secret "${path}": ${sentenceOf(thrown)}`, {
      cause: thrown,
    });
  }
}
