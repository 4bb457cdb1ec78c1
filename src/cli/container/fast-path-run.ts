import { detachKeysFlag } from "../flags/detach-keys.ts";
import { type FastPathRun, fastPathFlags, toFastPathSpec } from "../../api/container/fast-path-run.ts";
import type { FastPathFlag } from "../../api/container/fast-path-words.ts";
import type { Command } from "../command.ts";
import { consoleSizeOf, runContainer, type RunValues } from "./run/run-container.ts";
import type { Flag, TableOf } from "../flags/flag.ts";
import { bool, list, optional, string } from "../flags/kinds.ts";

type Values = RunValues & Omit<FastPathRun, "image" | "command" | "consoleSize">;

/** A flag that readFastPathRun() does not accept: it has its initial value. */
function never<T>(initial: T): Flag<T> {
  return { type: "", usage: "", initial, add: () => initial };
}

/** The flags of the fast path, without their help. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind in fastPathFlags says the type of the value
const givenFlags = Object.fromEntries(
  Object.entries(fastPathFlags).map(([name, flag]) => [name, flagOf(name, flag)]),
) as unknown as TableOf<Omit<FastPathRun, "image" | "command" | "consoleSize">>;

function flagOf(name: string, { kind, short, also }: FastPathFlag): Flag<unknown> {
  const names = { short, also };
  if (kind === "switch") return bool("", names) as Flag<unknown>;
  if (kind === "list") return list("", names) as Flag<unknown>;
  if (name === "entrypoint") return optional("", names) as Flag<unknown>;
  return name === "network"
    ? { ...string("", names), add: (text: string) => text.trim() }
    : (string("", names) as Flag<unknown>);
}

const no = never(false);
const nothing = never("");

/**
 * `run` with plain flags only (readFastPathRun()): what it asks for is what `run` asks for with the same words. Help,
 * completion and all mistakes are those of `run`.
 */
export const fastPathRun: Command<Values> = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    ...givenFlags,
    arch: nothing,
    authfile: nothing,
    cidfile: nothing,
    "decryption-key": never([]),
    "detach-keys": detachKeysFlag,
    "http-proxy": no,
    os: nothing,
    platform: nothing,
    "publish-all": no,
    pull: never("missing"),
    quiet: no,
    "record-profile": nothing,
    replace: no,
    retry: never(undefined),
    "retry-delay": never(undefined),
    rmi: no,
    "seccomp-policy": nothing,
    "security-opt": never([]),
    "sig-proxy": never(true),
    timing: no,
    "tls-verify": never(true),
    "unsetenv-all": no,
    "use-api-socket": no,
    variant: nothing,
  },
  optionsEnd: "first",
  failureStatus: 125,
  async run(call) {
    const { values, positional, context } = call;
    const [image = "", ...command] = positional;
    const isAttached = !values.detach;
    const attached = {
      stdin: isAttached && values.interactive,
      stdout: isAttached,
      stderr: isAttached,
    };
    const request = toFastPathSpec({
      ...values,
      image,
      command,
      consoleSize: consoleSizeOf(context, { tty: values.tty, hasInput: attached.stdin }),
    });
    return await runContainer(call, { request, image, attached, preserved: [] });
  },
};
