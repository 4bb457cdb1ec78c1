import { describe, expect, test } from "bun:test";
import {
  checkSecretName,
  checkSecretValue,
  resolveSecrets,
  withSecrets,
} from "../../../src/engine/resolve/secrets.ts";
import type { SecretUse } from "../../../src/model/secrets.ts";
import type { ContainerMount } from "../../../src/model/mounts.ts";

const plan = (use: Partial<SecretUse>, mounts: readonly ContainerMount[] = []) =>
  resolveSecrets({
    image: "i",
    storage: { mounts, secrets: [{ secret: "s", id: "1", kind: "file", ...use }] },
  });

describe("resolveSecrets()", () => {
  test.each([
    [undefined, "/run/secrets/s"],
    ["other", "/run/secrets/other"],
    ["a/../b/c", "/run/secrets/b/c"],
    ["/etc/x", "/etc/x"],
    ["/a/../b", "/b"],
  ])("the target %j is %s", (target, path) => {
    const use = target === undefined ? {} : { target };
    expect(plan(use).files).toEqual([{ secret: "s", id: "1", target: path, uid: 0, gid: 0, mode: 0o444 }]);
  });

  test.each([
    [{ target: "../x" }, "leads out of /run/secrets"],
    [{ target: "a/../../x" }, "leads out of /run/secrets"],
    [{ target: "/" }, "must be the path of a file"],
    [{ target: "/run/secrets" }, "must be the path of a file"],
    [{ target: "." }, "must be the path of a file"],
    [{ target: "x/" }, "must be the path of a file"],
    [{ target: "x\0y" }, "must be the path of a file"],
    [{ target: "/proc/1/environ" }, "inside a kernel file system"],
    [{ target: "/tmp/../sys/x" }, "inside a kernel file system"],
    [{ uid: -1 }, "invalid user of secret"],
    [{ gid: 2 ** 32 - 1 }, "invalid group of secret"],
    [{ mode: 0o10000 }, "invalid mode of secret"],
    [{ kind: "variable", uid: 1 }, "has no owner and no mode"],
    [{ kind: "variable", target: "A=B" }, "invalid name of the variable"],
    [{ kind: "variable", target: "" }, "invalid name of the variable"],
  ] as const)("refuses %j", (use, sentence) => {
    expect(() => plan(use)).toThrow(sentence);
  });

  test("refuses a place that a mount or another secret has", () => {
    const mount = { kind: "tmpfs", target: "/run//secrets/s" } as const;
    expect(() => plan({}, [mount])).toThrow("duplicate mount point: /run/secrets/s");
    const use = { secret: "s", kind: "file" } as const;
    expect(() =>
      resolveSecrets({ image: "i", storage: { secrets: [use, { ...use, target: "./s" }] } }),
    ).toThrow("duplicate mount point: /run/secrets/s");
  });

  test("a variable has the secret's name unless another is said", () => {
    expect(plan({ kind: "variable" }).variables).toEqual([{ secret: "s", id: "1", name: "s" }]);
    expect(plan({ kind: "variable", target: "T" }).variables).toEqual([{ secret: "s", id: "1", name: "T" }]);
  });
});

test("withSecrets() takes the place of variables with the same name", () => {
  expect(withSecrets(["A=1", "B=2", "A=3"], ["A=s=t"])).toEqual(["B=2", "A=s=t"]);
  expect(withSecrets(["A=1"], [])).toEqual(["A=1"]);
});

test("checkSecretName() and checkSecretValue() keep podman's limits", () => {
  for (const name of ["a", "a b", ".", "a.b-c", "x".repeat(253)]) expect(checkSecretName(name)).toBe(name);
  for (const name of ["", "a/b", "a,b", "a=b", "a\0", "a\nb", "x".repeat(254)])
    expect(() => checkSecretName(name)).toThrow("can not include '=', '/', ','");
  checkSecretValue(new Uint8Array(511_999));
  for (const length of [0, 512_000])
    expect(() => checkSecretValue(new Uint8Array(length))).toThrow(
      "secret data must be larger than 0 and less than 512000 bytes",
    );
});
