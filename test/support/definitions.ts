import { codecs } from "../../src/daemon/buildkit/codings.ts";
import type { Messages } from "../../src/daemon/buildkit/messages.ts";
import type { Sendable } from "../../src/grpc/codec.ts";
import { digestOf } from "../../src/spec/digest.ts";

type Op = Sendable<Messages["pb.Op"]>;
type Mount = Sendable<Messages["pb.Mount"]>;
type Action = Sendable<Messages["pb.FileAction"]>;
export type TestDefinition = Sendable<Messages["pb.Definition"]>;
export type Input = NonNullable<Op["inputs"]>[number];

/** Writes definitions as clients of BuildKit do: operations first, the one that is built last. */
export class DefinitionWriter {
  readonly #operations = new Map<string, Uint8Array>();
  readonly #metadata = new Map<string, Sendable<Messages["pb.OpMetadata"]>>();

  op(op: Op, metadata?: Sendable<Messages["pb.OpMetadata"]>): Input {
    const bytes = codecs.of("pb.Op").encode(op);
    const digest = digestOf(bytes);
    this.#operations.set(digest, bytes);
    if (metadata !== undefined) this.#metadata.set(digest, metadata);
    return { digest, index: 0 };
  }

  source(identifier: string, attrs: Readonly<Record<string, string>> = {}): Input {
    return this.op({ source: { identifier, attrs } });
  }

  /** `mounts` without one for / get the first input as it. */
  exec(
    inputs: readonly Input[],
    args: readonly string[],
    more: {
      readonly meta?: Sendable<Messages["pb.Meta"]>;
      readonly mounts?: readonly Mount[];
      readonly op?: Sendable<Messages["pb.ExecOp"]>;
      readonly metadata?: Sendable<Messages["pb.OpMetadata"]>;
    } = {},
  ): Input {
    const { meta, mounts = [], op, metadata } = more;
    const root: Mount = { input: 0, dest: "/", output: 0 };
    const all = mounts.some(({ dest }) => dest === "/") ? mounts : [root, ...mounts];
    const env = ["PATH=/bin:/usr/bin"];
    return this.op(
      { inputs, exec: { meta: { args, env, cwd: "/", ...meta }, mounts: all, ...op } },
      metadata,
    );
  }

  sh(input: Input, script: string): Input {
    return this.exec([input], ["/bin/sh", "-c", script]);
  }

  /** One action of file on the first input, the second is where a copy comes from. */
  file(inputs: readonly Input[], action: Action): Input {
    const input = inputs.length === 0 ? -1 : 0;
    const actions = [{ input, secondaryInput: inputs.length - 1, output: 0, ...action }];
    return this.op({ inputs, file: { actions } });
  }

  finish(last: Input | undefined, more: TestDefinition = {}): TestDefinition {
    const end = codecs.of("pb.Op").encode({ inputs: last === undefined ? [] : [last] });
    return {
      def: [...this.#operations.values(), end],
      metadata: Object.fromEntries(this.#metadata),
      ...more,
    };
  }
}

export const copyDefaults = {
  mode: -1,
  timestamp: -1,
  followSymlink: true,
  dirCopyContents: true,
  createDestPath: true,
  allowWildcard: true,
} as const;
