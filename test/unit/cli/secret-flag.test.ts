import { expect, test } from "bun:test";
import { parseSecretFlag } from "../../../src/cli/container/flags/parsers/secret.ts";

test.each([
  ["name", { Source: "name" }],
  ["source=name", { Source: "name" }],
  ["name,type=env,target=TOKEN", { Source: "name", Type: "env", Target: "TOKEN" }],
  ["name,type=mount,uid=1,gid=2,mode=0400", { Source: "name", Type: "mount", UID: 1, GID: 2, Mode: "0400" }],
  ["name,target=/a/b=c", { Source: "name", Target: "/a/b=c" }],
])("parseSecretFlag(%j)", (text, reference) => {
  expect(parseSecretFlag(text)).toEqual(reference);
});

test.each([
  ["", "source must not be empty"],
  ["type=env", "missing secret name"],
  ["name,odd=1", 'unknown option "odd=1"'],
  ["name,constructor=1", 'unknown option "constructor=1"'],
  ["name,type=file", 'type "file" is invalid: must be mount or env'],
  ["name,uid=root", 'uid must be a number, not "root"'],
  ["name,mode=999", 'invalid mode "999": must be octal'],
  ["name,target=", "target must not be empty"],
  ["name,type=env,uid=0", "uid, gid and mode cannot be used with type=env"],
  ["name,mode=0400,type=env", "uid, gid and mode cannot be used with type=env"],
])("parseSecretFlag(%j) refuses: %s", (text, sentence) => {
  expect(() => parseSecretFlag(text)).toThrow(sentence);
});
