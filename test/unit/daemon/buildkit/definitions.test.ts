import { describe, expect, test } from "bun:test";
import { codecs } from "../../../../src/daemon/buildkit/codings.ts";
import { decodeDefinition } from "../../../../src/daemon/buildkit/definitions.ts";
import type { Messages } from "../../../../src/daemon/buildkit/messages.ts";
import { StatusError, statusCode } from "../../../../src/grpc/status.ts";
import type { Definition } from "../../../../src/model/definition.ts";
import {
  copyDefaults,
  DefinitionWriter,
  type Input,
  type TestDefinition,
} from "../../../support/definitions.ts";

/** As it comes over the wire. */
function decode(definition: TestDefinition): Definition {
  const type = codecs.of("pb.Definition");
  return decodeDefinition(type.decode(type.encode(definition)));
}

const unknown: Input = { digest: `sha256:${"0".repeat(64)}`, index: 0 };
const file = (action: Messages["pb.FileAction"] | object): TestDefinition => {
  const writer = new DefinitionWriter();
  return writer.finish(writer.file([writer.source("local://a")], action));
};

test("decodeDefinition() gives the operations that the last one needs, with names, groups and platforms", () => {
  const writer = new DefinitionWriter();
  const base = writer.op(
    { source: { identifier: "docker-image://a" }, platform: { OS: "linux", Architecture: "x86_64" } },
    {
      ignore_cache: true,
      description: { "llb.customname": "the base" },
      progress_group: { id: "g", name: "G" },
    },
  );
  writer.source("local://unused");
  const run = writer.sh(base, "true");
  const { operations, target } = decode(writer.finish(run));
  expect(target).toEqual({ digest: run.digest, output: 0 } as never);
  expect(operations.size).toBe(2);
  expect(operations.get(base.digest as never)).toEqual({
    inputs: [],
    platform: { os: "linux", architecture: "amd64", variant: undefined },
    action: { kind: "source", identifier: "docker-image://a", attributes: {} },
    name: "the base",
    ignoresCache: true,
    group: { id: "g", name: "G", weak: false },
  });
});

test("decodeDefinition() takes an empty definition as an empty file system", () => {
  expect(decode({})).toEqual({ operations: new Map(), target: undefined });
});

const hostile: readonly (readonly [string, () => TestDefinition, RegExp])[] = [
  ["bytes that are no operation", () => ({ def: [Buffer.from([0xff, 0xff])] }), /an operation is malformed/],
  ["a last operation without input", () => new DefinitionWriter().finish(undefined), /not one input/],
  ["an input that is missing", () => new DefinitionWriter().finish(unknown), /missing input digest sha256:0/],
  [
    "an input that is no digest",
    () => new DefinitionWriter().finish({ digest: "../../etc/passwd", index: 0 }),
    /is no digest of an input/,
  ],
  [
    "an output that is missing",
    () => {
      const writer = new DefinitionWriter();
      return writer.finish({ ...writer.source("local://a"), index: 1 });
    },
    /has no output 1/,
  ],
  [
    "too many operations",
    () => ({ def: Array.from({ length: 10_001 }, () => Buffer.alloc(0)) }),
    /more than 10000 operations/,
  ],
  [
    "operations that are too deep",
    () => {
      const writer = new DefinitionWriter();
      let last = writer.source("local://a");
      for (let count = 0; count < 1001; count++)
        last = writer.op({ inputs: [last], merge: { inputs: [{ input: 0 }] } });
      return writer.finish(last);
    },
    /more than 1000 operations stand on each other/,
  ],
  [
    "an operation without a type",
    () => {
      const writer = new DefinitionWriter();
      return writer.finish(writer.op({ platform: { OS: "linux" } }));
    },
    /has no type/,
  ],
  [
    "an input of a merge that is missing",
    () => {
      const writer = new DefinitionWriter();
      return writer.finish(writer.op({ merge: { inputs: [{ input: 3 }] } }));
    },
    /merge has no input 3/,
  ],
  [
    "an exec without arguments",
    () => {
      const writer = new DefinitionWriter();
      return writer.finish(writer.exec([], []));
    },
    /exec has no arguments/,
  ],
  [
    "an exec without a root",
    () => {
      const writer = new DefinitionWriter();
      return writer.finish(
        writer.op({ exec: { meta: { args: ["a"] }, mounts: [{ dest: "/x", input: -1, output: 0 }] } }),
      );
    },
    /needs one mount for \//,
  ],
  [
    "mounts with one output",
    () => {
      const writer = new DefinitionWriter();
      const mounts = ["/", "/x"].map((dest) => ({ dest, input: -1, output: 0 }));
      return writer.finish(writer.exec([], ["a"], { mounts }));
    },
    /have the same output/,
  ],
  [
    "a type of mount that is not known",
    () => {
      const writer = new DefinitionWriter();
      const mounts = [{ dest: "/", input: -1, output: 0, mountType: 9 }];
      return writer.finish(writer.exec([], ["a"], { mounts }));
    },
    /unknown type of mount 9/,
  ],
  ["an action without a type", () => file({}), /an action of file has no type/],
  ["an action that uses itself", () => file({ input: 1, rm: { path: "/a" } }), /file has no input 1/],
  ["a path with a zero byte", () => file({ rm: { path: "/a\0b" } }), /a path has a zero byte/],
];

describe("decodeDefinition() refuses", () => {
  test.each(hostile)("%s", (_, make, message) => {
    const attempt = (): unknown => decode(make());
    expect(attempt).toThrow(message);
    try {
      attempt();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(StatusError);
      if (thrown instanceof StatusError) expect(thrown.status.code).toBe(statusCode.invalidArgument);
    }
  });

  test("operations that Tare does not have, with one sentence", () => {
    const writer = new DefinitionWriter();
    const build = writer.op({ build: { builder: -1 } });
    expect(() => decode(writer.finish(build))).toThrow("operations of type build are not supported");
    const always = file({
      copy: { ...copyDefaults, src: "/a", dest: "/b", alwaysReplaceExistingDestPaths: true },
    });
    expect(() => decode(always)).toThrow("alwaysReplaceExistingDestPaths of copy is not supported");
  });
});
