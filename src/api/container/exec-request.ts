import { Failure } from "../../base/failure.ts";
import { checkVariable } from "./create-checks.ts";
import { type FieldSchemas, readFields } from "../http/field-schemas.ts";
import type { ExecCreateRequest, ExecStartRequest } from "../types/exec.ts";

const createSchemas = {
  AttachStdin: "boolean",
  AttachStdout: "boolean",
  AttachStderr: "boolean",
  ConsoleSize: "integers",
  DetachKeys: "text",
  Tty: "boolean",
  Env: "texts",
  Cmd: "text-or-texts",
  Privileged: "boolean",
  User: "text",
  WorkingDir: "text",
  Detach: "boolean",
} as const satisfies FieldSchemas;

/** Throws Failure("invalid") naming the field, or in Docker's words when there is no command. */
export function parseExecCreate(body: unknown): ExecCreateRequest {
  const request = readFields(body ?? {}, createSchemas, "");
  if ((request.Cmd ?? []).length === 0) throw new Failure("invalid", "No exec command specified");
  for (const entry of request.Env ?? []) checkVariable(entry);
  return request;
}

export function parseExecStart(body: unknown): ExecStartRequest {
  return readFields(body ?? {}, { Detach: "boolean", Tty: "boolean", ConsoleSize: "integers" }, "");
}

/** Rows and columns as the API has them; undefined when absent or empty. Failure("invalid") when impossible. */
export function parseConsoleSize(
  size: readonly number[] | null | undefined,
): { readonly rows: number; readonly columns: number } | undefined {
  const [rows = 0, columns = 0] = size ?? [];
  if (rows === 0 && columns === 0) return undefined;
  return requireSize(rows, columns);
}

/** A terminal's size from the parameters h and w. Throws Failure("invalid") in Docker's words. */
export function parseResize({
  h = "",
  w = "",
}: {
  readonly h?: string | undefined;
  readonly w?: string | undefined;
}): {
  readonly rows: number;
  readonly columns: number;
} {
  return { rows: parseExtent("height", h), columns: parseExtent("width", w) };
}

function parseExtent(what: string, text: string): number {
  const why = !/^-?\d+$/.test(text)
    ? "invalid syntax"
    : isExtent(Number(text))
      ? undefined
      : "value out of range";
  if (why === undefined) return Number(text);
  throw new Failure("invalid", `invalid resize ${what} ${JSON.stringify(text.slice(0, 50))}: ${why}`);
}

function isExtent(value: number): boolean {
  return value >= 0 && value <= 65535;
}

function requireSize(rows: number, columns: number): { readonly rows: number; readonly columns: number } {
  if (!isExtent(rows) || !isExtent(columns)) {
    throw new Failure("invalid", "cannot resize the terminal: rows and columns must be between 0 and 65535");
  }
  return { rows, columns };
}
