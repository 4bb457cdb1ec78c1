import { accessSync, constants } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { damagedState, isDamage } from "./damage.ts";
import { codeOf } from "../../linux/files/file-failure.ts";

/** SPEC: https://www.sqlite.org/rescode.html; the lowest 8 bits. */
const SQLITE = { readonly: 8, ioError: 10, full: 13 } as const;

/** Converts an error of node:sqlite into a Failure with advice; other errors pass unchanged. */
export function databaseFailure(thrown: unknown, dataRoot: string): unknown {
  if (!(thrown instanceof Error) || !("errcode" in thrown) || typeof thrown.errcode !== "number")
    return thrown;
  if (isDamage(thrown)) return damagedState(dataRoot, thrown);
  const code = thrown.errcode & 0xff;
  if (code === SQLITE.full) {
    return new Failure("exhausted", `cannot write the state: the disk of "${dataRoot}" is full`, {
      cause: thrown,
    });
  }
  if (code === SQLITE.ioError && !isReadOnly(dataRoot)) {
    return new Failure("unavailable", `cannot use the state: the disk of "${dataRoot}" fails (see dmesg)`, {
      cause: thrown,
    });
  }
  if (code === SQLITE.readonly || code === SQLITE.ioError) {
    return new Failure(
      "unavailable",
      `cannot write the state: the file system of "${dataRoot}" is read-only`,
      {
        cause: thrown,
      },
    );
  }
  return new Failure("internal", `cannot use the state: ${thrown.message}`, { cause: thrown });
}

function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (thrown) {
    return codeOf(thrown) === "EROFS";
  }
}
