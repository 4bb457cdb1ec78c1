import { expect, test } from "bun:test";
import { openSync } from "node:fs";
import { Failure } from "../../../src/base/failure.ts";
import { errno } from "../../../src/linux/kernel/errno.ts";
import { fileFailure } from "../../../src/linux/files/file-failure.ts";
import { SyscallFailure } from "../../../src/linux/kernel/syscall.ts";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

test("fileFailure() begins with the sentence, for node:fs", () => {
  const failure = fileFailure(
    "cannot read it",
    thrownBy(() => openSync("/nowhere/at/all", "r")),
  );
  expect(failure.kind).toBe("not-found");
  expect(failure.message).toStartWith("cannot read it: ENOENT");
});

test("fileFailure() begins with the sentence, for a system call", () => {
  const failure = fileFailure("cannot begin a layer", new SyscallFailure("mkdirat", [7, "fs"], errno.ENOSPC));
  expect(failure.kind).toBe("exhausted");
  expect(failure.message).toBe('cannot begin a layer: mkdirat(7, "fs"): ENOSPC');
});

test("fileFailure() leaves any other failure as it is", () => {
  const failure = new Failure("conflict", "cannot do this");
  expect(fileFailure("cannot do that", failure)).toBe(failure);
});
