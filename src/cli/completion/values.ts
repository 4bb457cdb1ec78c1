import { containerListing } from "../format/container-row.ts";
import { imageListing } from "../format/image-rows.ts";
import { networkListing } from "../format/network-row.ts";
import { statsListing } from "../format/stats-row.ts";
import { volumeListing } from "../format/volume-row.ts";
import type { Subject } from "../subject.ts";

/** What can be the value of a flag: whole words, or the rest of one whose beginning is there. */
export interface ValueCandidates {
  readonly words: readonly string[];
  /** The kind of object that comes after `prefix`. */
  readonly subject?: Subject | undefined;
  readonly prefix?: string | undefined;
}

// SPEC: capabilities(7); signal(7)
const capabilities = [
  "ALL",
  "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH",
  "FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN",
  "NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT",
  "SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM",
].flatMap((line) => line.split(" "));
const signals = [
  "SIGABRT SIGALRM SIGCONT SIGHUP SIGINT SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTERM SIGTSTP SIGTTIN SIGTTOU",
  "SIGUSR1 SIGUSR2 SIGWINCH",
].flatMap((line) => line.split(" "));

const byFlag: Readonly<Record<string, readonly string[]>> = {
  "cap-add": capabilities,
  "cap-drop": capabilities,
  signal: signals,
  "stop-signal": signals,
};

type FilterValues = readonly string[] | Subject;

const truths = ["true", "false"];

/** By the first name of a command: the keys of its filters, and the values of each that are known. */
const filters: Readonly<Record<string, Readonly<Record<string, FilterValues>>>> = {
  "container ls": {
    ancestor: "image",
    before: "container",
    exited: [],
    expose: [],
    health: ["healthy", "none", "starting", "unhealthy"],
    id: [],
    label: "container-label",
    name: "container",
    network: "network",
    pod: "pod",
    publish: [],
    since: "container",
    status: ["created", "dead", "exited", "paused", "removing", "restarting", "running"],
    volume: "volume",
  },
  "image ls": {
    before: "image",
    dangling: truths,
    label: "image-label",
    reference: "image",
    since: "image",
    until: [],
  },
  "network ls": {
    dangling: truths,
    driver: ["bridge", "host", "ipvlan", "macvlan", "null"],
    id: [],
    label: "network-label",
    name: "network",
    scope: ["local"],
    type: ["builtin", "custom"],
  },
  "volume ls": { dangling: truths, driver: ["local"], label: "volume-label", name: "volume" },
  "container prune": { label: "container-label", "label!": "container-label", until: [] },
  "image prune": { dangling: truths, label: "image-label", "label!": "image-label", until: [] },
  "network prune": { label: "network-label", "label!": "network-label", until: [] },
  "volume prune": { all: truths, label: "volume-label", "label!": "volume-label" },
  "system prune": { label: "container-label", "label!": "container-label", until: [] },
  "system events": {
    container: "container",
    event: [
      "attach commit copy create destroy detach die exec_create exec_die exec_start export health_status kill oom pause",
      "pull push rename restart start stop tag top unpause untag update",
    ].flatMap((line) => line.split(" ")),
    image: "image",
    label: "container-label",
    network: "network",
    type: ["container", "daemon", "image", "network", "volume"],
    volume: "volume",
  },
};

/** By the first name of a command: the fields of its rows. */
const fields: Readonly<Record<string, () => readonly string[]>> = {
  "container ls": () => Object.keys(containerListing({ hasSize: false }).headings),
  "container stats": () => Object.keys(statsListing.headings),
  "image ls": () => Object.keys(imageListing({ hasDigests: false }).headings),
  "network ls": () => Object.keys(networkListing.headings),
  "volume ls": () => Object.keys(volumeListing.headings),
};

/** Candidates for the value of a flag, beyond those that its table has. `typed`: its beginning. Pure. */
export function findValues(command: string, flag: string, typed: string): ValueCandidates {
  if (flag === "format") {
    // Behind text of its own, too: `{{.Names}}: {{.Im`
    const start = typed.lastIndexOf("{{");
    const before = start < 0 ? "" : typed.slice(0, start);
    const words = Object.hasOwn(fields, command) ? (fields[command]?.() ?? []) : [];
    return { words: words.map((field) => `${before}{{.${field}}}`) };
  }
  if (flag !== "filter") return { words: Object.hasOwn(byFlag, flag) ? (byFlag[flag] ?? []) : [] };
  const known = Object.hasOwn(filters, command) ? (filters[command] ?? {}) : {};
  const at = typed.indexOf("=");
  if (at < 0) return { words: Object.keys(known).map((key) => `${key}=`) };
  const key = typed.slice(0, at);
  const prefix = `${key}=`;
  const values = Object.hasOwn(known, key) ? (known[key] ?? []) : [];
  if (typeof values !== "string") return { words: values.map((value) => `${prefix}${value}`) };
  return { words: [], subject: values, prefix };
}
