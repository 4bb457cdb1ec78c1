import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { ContainerCreateRequest } from "../../../api/types/container.ts";
import { Failure, sentenceOf } from "../../../base/failure.ts";
import type { Client } from "../../../client/client.ts";
import type { Call } from "../../command.ts";
import { optionFailure } from "../../flags/flag.ts";

interface Recording {
  /**
   * The request of a container whose calls are recorded. It is removed here: what it recorded has to be read before.
   */
  change(request: ContainerCreateRequest): ContainerCreateRequest;
  /** Runs it, and writes the file when it has ended; returns its status. */
  record(
    created: { readonly client: Client; readonly id: string },
    run: () => Promise<number>,
  ): Promise<number>;
}

/** `--record-profile FILE`. Throws optionFailure() for a file that can't be written, before anything is made. */
export function openRecording(
  call: Call<{ readonly "record-profile": string; readonly detach: boolean; readonly rm: boolean }>,
): Recording {
  const { values, context } = call;
  const name = values["record-profile"];
  if (values.detach) {
    throw optionFailure("Conflicting options: --record-profile and -d: the file is written at the run's end");
  }
  const path = resolve(context.cwd, name);
  checkWritable(path, name);
  return {
    change: (request) => ({
      ...request,
      HostConfig: {
        ...request.HostConfig,
        AutoRemove: false,
        Tare: { ...request.HostConfig?.Tare, RecordCalls: true },
      },
    }),
    record: async ({ client, id }, run) => {
      try {
        const status = await run();
        const { Tare: tare, State: state } = await client.containers.inspect(id);
        if (tare?.RecordedProfile === undefined)
          throw new Failure("unsupported", `cannot record a profile: the daemon does not do it`);
        if (tare.UnrecordedCalls !== undefined)
          call.err(
            `WARNING: ${tare.UnrecordedCalls} calls did not fit into the record: the profile lacks them\n`,
          );
        // Left by the detach keys, it goes on.
        if (state.Running) call.err("the profile is of what ran so far\n");
        writeWhole(path, name, tare.RecordedProfile);
        return status;
      } finally {
        // One that was left while it runs stays.
        if (values.rm) await client.containers.remove(id).catch(() => {});
      }
    },
  };
}

function checkWritable(path: string, name: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (thrown) {
    throw optionFailure(`cannot write the profile to ${name}: ${sentenceOf(thrown)}`);
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw optionFailure(`cannot write the profile to ${name}: it is a directory`);
}

/** The whole text, or the file as it was. */
function writeWhole(path: string, name: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    writeFileSync(temporary, text, { flag: "wx", mode: 0o644 });
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw new Failure("internal", `cannot write the profile to ${name}: ${sentenceOf(thrown)}`, {
      details: { exitStatus: 125 },
    });
  }
}
