import { type FastPathRun, planFastPathRun } from "../../api/container/fast-path-run.ts";
import type { Command } from "../command.ts";
import { runContainer, type RunValues } from "./run/run-container.ts";
import type { Flag } from "../flags/flag.ts";
import { bool, list, optional, string } from "../flags/kinds.ts";

type Values = RunValues & Omit<FastPathRun, "image" | "command">;

/** One that readFastPathRun() lets nobody give. */
function never<T>(initial: T): Flag<T> {
  return { type: "", usage: "", initial, add: () => initial };
}

const no = never(false);
const nothing = never("");

/**
 * `run` with plain flags only (readFastPathRun()): what it asks for is what `run` asks for with the same words. Help, completion and all
 * mistakes are those of `run`.
 */
export const fastPathRun: Command<Values> = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    detach: bool("", { short: "d" }),
    entrypoint: optional(""),
    env: list("", { short: "e" }),
    hostname: string("", { short: "h" }),
    interactive: bool("", { short: "i" }),
    name: string(""),
    publish: list("", { short: "p" }),
    network: { ...string("", { also: ["net"] }), add: (text) => text.trim() },
    rm: bool(""),
    user: string("", { short: "u" }),
    workdir: string("", { short: "w" }),
    arch: nothing,
    authfile: nothing,
    cidfile: nothing,
    "decryption-key": never([]),
    "detach-keys": nothing,
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
    tty: no,
    "unsetenv-all": no,
    "use-api-socket": no,
    variant: nothing,
  },
  optionsEnd: "first",
  failureStatus: 125,
  async run(call) {
    const { values, positional } = call;
    const [image = "", ...command] = positional;
    const isAttached = !values.detach;
    const attached = {
      stdin: isAttached && values.interactive,
      stdout: isAttached,
      stderr: isAttached,
    };
    const request = planFastPathRun({ ...values, image, command });
    return await runContainer(call, { request, image, attached, preserved: [] });
  },
};
