import { Failure } from "../../../base/failure.ts";
import { bool, int, list, optional, string } from "../../flags/kinds.ts";
import { type FieldTable, toConfig, toHost, toTare } from "./request-fields.ts";

/** Flags about the container's process: its streams, its user, the program and how it is stopped. */
export interface ProcessValues {
  readonly attach: readonly string[];
  /** Empty removes the image's; undefined keeps it. */
  readonly entrypoint: string | undefined;
  readonly "group-add": readonly string[];
  readonly "group-entry": string;
  readonly hostuser: readonly string[];
  readonly init: boolean;
  readonly interactive: boolean;
  readonly "passwd-entry": string;
  readonly personality: string;
  readonly "stop-signal": string;
  readonly "stop-timeout": number | undefined;
  readonly tty: boolean;
  readonly umask: string;
  readonly user: string;
  readonly workdir: string;
}

export const processFlags: FieldTable<ProcessValues> = {
  attach: list("Attach to STDIN, STDOUT or STDERR", {
    short: "a",
    check: checkStream,
    words: ["stdin", "stdout", "stderr"],
  }),
  entrypoint: toConfig(
    "Entrypoint",
    optional("Overwrite the default ENTRYPOINT of the image"),
    (text) => [text],
    { whenGiven: true },
  ),
  "group-add": toHost("GroupAdd", list("Add additional groups to join")),
  "group-entry": toTare(
    "GroupEntry",
    string("Entry for /etc/group if the container's group has none: web:x:$GID: (not in Docker)"),
  ),
  hostuser: toTare(
    "HostUsers",
    list("Add a user of the host to /etc/passwd of the container (not in Docker)"),
  ),
  init: toHost(
    "Init",
    bool("Run an init inside the container that forwards signals and reaps processes"),
    (value) => value,
    { whenGiven: true },
  ),
  interactive: bool("Keep STDIN open even if not attached", { short: "i" }),
  "passwd-entry": toTare(
    "PasswdEntry",
    string(
      "Entry for /etc/passwd if the container's user has none: web:x:$UID:$GID::$HOME:/bin/sh (not in Docker)",
    ),
  ),
  personality: toTare(
    "Personality",
    string("Execution domain that uname(2) reports: LINUX or LINUX32 (not in Docker)", {
      words: ["LINUX", "LINUX32"],
    }),
  ),
  "stop-signal": toConfig("StopSignal", string("Signal to stop the container")),
  "stop-timeout": toConfig("StopTimeout", int("Timeout (in seconds) to stop a container")),
  tty: toConfig("Tty", bool("Allocate a pseudo-TTY", { short: "t" })),
  umask: toTare("Umask", string("File mode creation mask of the process, octal (not in Docker)")),
  user: toConfig("User", string("Username or UID (format: <name|uid>[:<group|gid>])", { short: "u" })),
  workdir: toConfig("WorkingDir", string("Working directory inside the container", { short: "w" })),
};

function checkStream(text: string): string {
  const stream = text.toLowerCase();
  if (["stdin", "stdout", "stderr"].includes(stream)) return stream;
  throw new Failure("invalid", "valid streams are STDIN, STDOUT and STDERR");
}
