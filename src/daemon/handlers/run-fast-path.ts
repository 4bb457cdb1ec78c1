import { endGently } from "../../base/stream-writes.ts";
import { type FastPathRun, toFastPathSpec } from "../../api/container/fast-path-run.ts";
import { parseFastPathRun } from "../../api/container/fast-path-request.ts";
import { encodeRunEvent, runStreamType } from "../../api/http/run-stream.ts";
import { formatTiming, startFailureStatus, showsTiming } from "../../api/container/run-text.ts";
import { endOfRun, formatFailure, formatWarnings } from "../../api/container/run-messages.ts";
import { encodeFrame } from "../../spec/stream-frames.ts";
import type { ContainerCreateResponse, StartTiming } from "../../api/types/container.ts";
import type { Failure } from "../../base/failure.ts";
import type { Call } from "../handler.ts";
import { createContainer } from "./create-container.ts";
import { runContainer, type RunEventEncoder, startUnlessRunning, sendFailure } from "./run-container.ts";

/**
 * `tare run` by its words, for the launcher (native/launcher.c), which reads none of them: what the command line would
 * print and its exit status are sent. Whatever is refused before the creation, the launcher leaves to the command line
 * itself.
 */
export async function runPlain(call: Call): Promise<void> {
  const plain = parseFastPathRun(call.body, call.facts.buildId);
  const name = plain.name === "" ? undefined : plain.name;
  const created = await createContainer(call.engine, toFastPathSpec(plain), {
    name,
    version: call.version,
    startsNext: true,
    defaults: call.configuration.createDefaults,
  });
  const encoder = new PlainTextEncoder(plain);
  if (plain.detach) return await startPlain(call, created, encoder);
  const streams = { stdin: plain.interactive, stdout: true, stderr: true };
  await runContainer(call, created, { streams, until: endOfRun(plain), encoder });
}

/** For a detached run, the id is the only output. */
async function startPlain(
  call: Call,
  created: ContainerCreateResponse,
  encoder: PlainTextEncoder,
): Promise<void> {
  const { Id: id } = created;
  const client = call.reply.hijack(runStreamType);
  client.write(encoder.created(created));
  try {
    await startUnlessRunning(call.engine, id);
    endGently(client, {
      last: Buffer.concat([encodeFrame("stdout", Buffer.from(`${id}\n`)), exitStatus(0)]),
    });
  } catch (thrown) {
    await sendFailure(call, client, { thrown, id, encoder });
  }
}

/** Formats events as the command line prints them. */
class PlainTextEncoder implements RunEventEncoder {
  readonly #run: FastPathRun;

  constructor(run: FastPathRun) {
    this.#run = run;
  }

  created({ Id, Warnings }: ContainerCreateResponse): Uint8Array {
    const { interactive, detach, tty } = this.#run;
    const frames: Uint8Array[] = [encodeRunEvent({ Id, Warnings: [] })];
    if (Warnings.length > 0) frames.push(encodeFrame("stderr", Buffer.from(formatWarnings(Warnings))));
    if (interactive && !detach && !tty) frames.push(wantedInput);
    return Buffer.concat(frames);
  }

  /** Input of a terminal is wanted when it can have a size. */
  started(timing: StartTiming | null, id: string): Uint8Array {
    const { interactive, tty } = this.#run;
    return tty
      ? wantedTerminal(`/containers/${id}/resize`, { interactive })
      : encodeRunEvent({ Timing: timing });
  }

  /** Docker prints nothing when it has started the container, too. */
  detached(): Uint8Array {
    return exitStatus(0);
  }

  ended(code: number, timing: StartTiming | null): Uint8Array {
    if (timing === null || !showsTiming(this.#run.image)) return exitStatus(code);
    return Buffer.concat([encodeFrame("stdout", Buffer.from(formatTiming(timing))), exitStatus(code)]);
  }

  failed(failure: Failure): Uint8Array {
    const { message } = failure;
    const status = startFailureStatus(failure);
    return Buffer.concat([encodeFrame("stderr", Buffer.from(formatFailure(message))), exitStatus(status)]);
  }
}

/** For a launcher: it sends its standard input from now on. */
export const wantedInput: Uint8Array = encodeRunEvent({ Input: true });

/** For a launcher: the program has a terminal, and gets what is typed at the launcher's, if it is interactive. */
export function wantedTerminal(
  resize: string,
  { interactive }: { readonly interactive: boolean },
): Uint8Array {
  return encodeRunEvent({ Resize: resize, Input: interactive ? true : undefined });
}

export function exitStatus(status: number): Uint8Array {
  return encodeRunEvent({ ExitStatus: status });
}
