import { detachKeysFlag } from "../flags/detach-keys.ts";
import type { Command } from "../command.ts";
import { withContainerFlags } from "./flags/container-flags.ts";
import { toAttached, toContainer } from "./run/to-request.ts";
import { makePodOf } from "./run/pod-of-container.ts";
import { findPreserved, preserveFlags, type PreserveValues } from "./flags/preserve-flags.ts";
import { consoleSizeOf, type OwnRunValues, runContainer } from "./run/run-container.ts";
import type { ContainerValues } from "./flags/container-flags.ts";
import { optionFailure } from "../flags/flag.ts";
import { bool, string } from "../flags/kinds.ts";
import { parseDetachKeys } from "../../api/container/detach-keys.ts";

interface OwnValues extends PreserveValues, OwnRunValues {
  readonly passwd: boolean;
}
type Values = ContainerValues & OwnValues;

export const run: Command<Values> = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: withContainerFlags<OwnValues>({
    ...preserveFlags,
    detach: bool("Run container in background and print container ID", { short: "d" }),
    "detach-keys": detachKeysFlag,
    "record-profile": string(
      "Write the minimal seccomp profile of the run to the file; slows it down (not in Docker)",
      {
        isFile: true,
      },
    ),
    passwd: bool("Add entries to /etc/passwd and /etc/group of the container (not in Docker)", {
      initial: true,
    }),
    rmi: bool("Remove the image after the run, unless it is used elsewhere; implies --rm (not in Docker)"),
    "sig-proxy": bool("Proxy received signals to the process", { initial: true }),
    timing: bool("Print the duration of each phase of the start to standard error (not in Docker)"),
  }),
  optionsEnd: "first",
  completes: ["image", "none"],
  failureStatus: 125,
  examples: [
    "tare run --rm hello",
    "tare run -it --rm --memory 512m debian bash",
    "tare run --rm --security-opt explain-denials debian mount -t tmpfs none /mnt",
    "tare run --rm --record-profile small.json debian ls / && tare run --security-opt seccomp=small.json debian ls /",
    "tare run --rm --preserve-fds 1 debian cat /proc/self/fd/3 3<file",
    "tare run --rmi --tls-verify=false localhost:5000/once",
    "tare run -d --pidfile /run/web.pid --conmon-pidfile /run/web-keeper.pid nginx",
    "tare run -d --name web -v /srv/www:/www:ro busybox httpd -f -h /www",
  ],
  async run(asked) {
    const call = asked.values.rmi ? { ...asked, values: { ...asked.values, rm: true } } : asked;
    const { values, given, positional, context } = call;
    refuseAccounts(values);
    const preserved = findPreserved(values);
    const [image = "", ...command] = positional;
    if (values.detach && values.attach.length > 0) throw optionFailure("Conflicting options: -a and -d");
    const attached = toAttached(values, values.detach);
    const consoleSize = consoleSizeOf(context, { tty: values.tty, hasInput: attached.stdin });
    // Before anything is made: keys that can't be read are a mistake of the command line.
    if (values["detach-keys"] !== "") parseDetachKeys(values["detach-keys"]);
    const request = toContainer({
      values,
      given,
      image,
      command,
      isDetached: values.detach,
      consoleSize,
      cwd: context.cwd,
      env: context.env,
    });
    return await runContainer(call, { request, image, attached, preserved, makePod: makePodOf(call) });
  },
};

function refuseAccounts(values: Values): void {
  const { hostuser, "passwd-entry": user, "group-entry": group } = values;
  if (!values.passwd && (hostuser.length > 0 || user !== "" || group !== ""))
    throw optionFailure("--passwd=false cannot be used with --passwd-entry, --group-entry or --hostuser");
}
