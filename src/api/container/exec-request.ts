import { Failure } from "../../base/failure.ts";
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

/** A terminal's size from the parameters h and w. */
export function requireSize(
  rows: number | undefined,
  columns: number | undefined,
): { rows: number; columns: number } {
  const isPossible = (value: number | undefined): value is number =>
    value !== undefined && value >= 0 && value <= 65535;
  if (!isPossible(rows) || !isPossible(columns)) {
    throw new Failure("invalid", "cannot resize the terminal: rows and columns must be between 0 and 65535");
  }
  return { rows, columns };
}
