import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { withDeadline } from "../../../base/deadline.ts";
import { sentenceOf } from "../../../base/failure.ts";
import { log } from "../../../base/log.ts";
import { parseTrustedJson } from "../../../base/trusted-json.ts";
import type { ForwardedRun, LogForwarder } from "../../../logs/log-forwarder.ts";
import type { ForwardingBudget } from "../../../logs/forwarding-budget.ts";
import type { ContainerId } from "../../../model/ids.ts";
import type { LogAttributes, LogForwardingStatus } from "../../../model/logs.ts";
import {
  defaultTag,
  type LoggedContainer,
  renderLogTag,
  selectLogAttributes,
} from "../../../spec/log-driver/log-attributes.ts";
import { parseLogOptions } from "../../../spec/log-driver/log-options.ts";
import {
  defaultLogDriver,
  type ForwardingDriver,
  isForwardingDriver,
} from "../../../spec/log-driver/log-drivers.ts";
import { formatReceiver, type LogReceiver, parseLogReceiver } from "../../../spec/log-driver/log-receiver.ts";
import type { ContainerContext, LogForwardingPart } from "../../context.ts";
import { planRecord } from "../../plan-record.ts";
import { resolveLogRotation } from "../../resolve/log-rotation.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerPaths } from "../container-paths.ts";
import { startsNsOf } from "./logs.ts";

/** How long the removal of a container waits until the rest of its log has been sent. */
const REMOVAL_MS = 5000;

/** What a forwarder needs, in a file: it is there even when the container's record has gone. */
interface ForwardingSettings {
  readonly driver: ForwardingDriver | "cri";
  /** Of the driver; with "cri" only `path`. */
  readonly options: Readonly<Record<string, string>>;
  readonly fileBytes: number;
  readonly context: ForwardedRun["context"];
  /** Numbers of nanoseconds, as text. */
  readonly startsNs: readonly string[];
}

/**
 * Sends the logs of the containers whose driver has a receiver. Its code is loaded for the first of them. A forwarder
 * outlives the run of its container until everything has been sent.
 */
export class LogForwarding implements LogForwardingPart {
  readonly #paths: ContainerPaths;
  readonly #closing: AbortSignal;
  readonly #forwarders = new Map<ContainerId, LogForwarder>();
  #budget: ForwardingBudget | undefined;
  /** Begins one after the other: the end of a run comes after its begin. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(paths: ContainerPaths, closing: AbortSignal) {
    this.#paths = paths;
    this.#closing = closing;
  }

  follow(context: ContainerContext, record: ContainerRecord, ended: Promise<unknown>): void {
    const settings = settingsOf(context, record);
    if (settings === undefined) return;
    this.#inTurn(record.id, async () => await this.#begin(record.id, settings));
    const end = (): void =>
      this.#inTurn(record.id, async () => {
        // Another run has begun meanwhile, whose end comes.
        if (context.live.get(record.id)?.recorded !== undefined && !this.#closing.aborted) return;
        this.#forwarders.get(record.id)?.end();
      });
    void ended.then(end, end);
  }

  resume(record: ContainerRecord): void {
    if (!isForwarded(record)) return;
    this.#inTurn(record.id, async () => {
      const { findForwarderStatus } = await import("../../../logs/log-forwarder.ts");
      const found = findForwarderStatus(this.#placeOf(record.id));
      if (found === undefined || found.isComplete || this.#forwarders.has(record.id)) return;
      const left = this.#readSettings(record.id);
      if (left !== undefined) await this.#begin(record.id, left, { hasEnded: true });
    });
  }

  async finish(id: ContainerId): Promise<void> {
    if (!existsSync(this.#settingsPath(id))) return;
    await this.#turn;
    if (!this.#forwarders.has(id)) {
      const { findForwarderStatus } = await import("../../../logs/log-forwarder.ts");
      const left = this.#readSettings(id);
      if (left === undefined || findForwarderStatus(this.#placeOf(id))?.isComplete !== false) return;
      await this.#begin(id, left, { hasEnded: true });
    }
    await this.#forwarders.get(id)?.finish({ withinMs: REMOVAL_MS });
  }

  async settle(id: ContainerId, { withinMs }: { readonly withinMs: number }): Promise<void> {
    const waiting = async (): Promise<void> => {
      await this.#turn;
      await this.#forwarders.get(id)?.done;
    };
    await withDeadline(withinMs, "wait for the log", waiting, { signal: this.#closing }).catch(
      () => undefined,
    );
  }

  async describe({ id, spec }: ContainerRecord): Promise<LogForwardingStatus | undefined> {
    const { log: settings } = spec.storage ?? {};
    if (typeof settings !== "object" || !isForwardingDriver(settings.driver)) return undefined;
    const { findForwarderStatus } = await import("../../../logs/log-forwarder.ts");
    const status = this.#forwarders.get(id)?.status() ?? findForwarderStatus(this.#placeOf(id));
    const { sent = 0, pendingBytes = 0, droppedBytes = 0, isConnected = false, lastError } = status ?? {};
    const receiver = formatReceiver(parseLogReceiver(settings.driver, optionsOf(settings.options)));
    return { driver: settings.driver, receiver, isConnected, sent, pendingBytes, droppedBytes, lastError };
  }

  close(): void {
    for (const forwarder of this.#forwarders.values()) forwarder.stop();
  }

  #inTurn(id: ContainerId, work: () => Promise<void>): void {
    this.#turn = this.#turn
      .then(async () => {
        if (!this.#closing.aborted) await work();
      })
      .catch((thrown: unknown) =>
        log("warning", `the log of container ${id.slice(0, 12)} cannot be sent: ${sentenceOf(thrown)}`),
      );
  }

  async #begin(
    id: ContainerId,
    settings: ForwardingSettings,
    { hasEnded = false }: { readonly hasEnded?: boolean } = {},
  ): Promise<void> {
    const [{ LogForwarder }, { ForwardingBudget }] = await Promise.all([
      import("../../../logs/log-forwarder.ts"),
      import("../../../logs/forwarding-budget.ts"),
    ]);
    if (this.#closing.aborted) return;
    const run: ForwardedRun = { context: settings.context, startsNs: settings.startsNs.map(BigInt) };
    if (!hasEnded) this.#writeSettings(id, settings);
    const known = this.#forwarders.get(id);
    if (known !== undefined && !hasEnded) return known.goOn(run);
    this.#budget ??= new ForwardingBudget();
    const forwarder = new LogForwarder(
      {
        ...this.#placeOf(id),
        receiver: receiverOf(settings),
        budget: this.#budget,
        fileBytes: settings.fileBytes,
      },
      run,
    );
    this.#forwarders.set(id, forwarder);
    void forwarder.done.then(() => {
      if (this.#forwarders.get(id) === forwarder) this.#forwarders.delete(id);
    });
    if (hasEnded) forwarder.end();
  }

  #placeOf(id: ContainerId): { readonly directory: string; readonly positionPath: string } {
    return { directory: this.#paths.log(id), positionPath: join(this.#paths.logForwarding(id), "position") };
  }

  #settingsPath(id: ContainerId): string {
    return join(this.#paths.logForwarding(id), "settings.json");
  }

  #writeSettings(id: ContainerId, settings: ForwardingSettings): void {
    const path = this.#settingsPath(id);
    mkdirSync(this.#paths.logForwarding(id), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.next`, JSON.stringify(settings), { mode: 0o600 });
    renameSync(`${path}.next`, path);
  }

  #readSettings(id: ContainerId): ForwardingSettings | undefined {
    try {
      return parseTrustedJson<ForwardingSettings>(readFileSync(this.#settingsPath(id), "utf8"));
    } catch {
      return undefined;
    }
  }
}

/** The labels, variables and tag in the entries of a container's log, by name; for `logs --details`. */
export function logAttributesOf(
  context: ContainerContext,
  record: ContainerRecord,
): LogAttributes | undefined {
  const { log: settings } = record.spec.storage ?? {};
  if (typeof settings !== "object" || settings.options === undefined) return undefined;
  const options = optionsOf(settings.options);
  const logged = loggedContainer(context, record);
  const tag = options.get("tag") ?? "";
  const found = new Map(selectLogAttributes(options, logged));
  if (tag !== "") found.set("tag", renderLogTag(tag, logged));
  return [...found].toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** Checks driver and options of a new container. Throws "invalid" in dockerd's words. */
export function checkLogSettings(context: ContainerContext, record: ContainerRecord): void {
  const { log: settings } = record.spec.storage ?? {};
  if (typeof settings !== "object") return;
  const options = optionsOf(settings.options);
  parseLogOptions(settings.driver ?? defaultLogDriver, options);
  const tag = options.get("tag") ?? "";
  if (tag !== "") renderLogTag(tag, loggedContainer(context, record));
}

function isForwarded({ spec }: ContainerRecord): boolean {
  const { log: settings } = spec.storage ?? {};
  return criLogFileOf(spec) !== "" || (typeof settings === "object" && isForwardingDriver(settings.driver));
}

/** Path of the log in the CRI's format, or "". */
function criLogFileOf({ cri }: ContainerRecord["spec"]): string {
  return cri?.kind === "container" ? cri.logFile : "";
}

function receiverOf({ driver, options }: ForwardingSettings): LogReceiver {
  return driver === "cri"
    ? { driver, path: options["path"] ?? "" }
    : parseLogReceiver(driver, optionsOf(options));
}

function settingsOf(context: ContainerContext, record: ContainerRecord): ForwardingSettings | undefined {
  const { log: settings } = record.spec.storage ?? {};
  const criLogFile = criLogFileOf(record.spec);
  if (criLogFile !== "") {
    const logged = loggedContainer(context, record);
    return {
      driver: "cri",
      options: { path: criLogFile },
      fileBytes: resolveLogRotation(settings === "none" ? undefined : settings)?.maxBytes ?? 0,
      startsNs: startsNsOf(record).map(String),
      context: {
        hostname: "",
        pid: process.pid,
        containerId: logged.id,
        containerName: logged.name,
        imageId: logged.imageId,
        imageName: logged.imageName,
        command: "",
        created: logged.created,
        tag: "",
        attributes: [],
      },
    };
  }
  if (typeof settings !== "object" || !isForwardingDriver(settings.driver)) return undefined;
  const options = optionsOf(settings.options);
  const logged = loggedContainer(context, record);
  return {
    driver: settings.driver,
    options: settings.options ?? {},
    fileBytes: resolveLogRotation(settings)?.maxBytes ?? 0,
    startsNs: startsNsOf(record).map(String),
    context: {
      hostname: hostname(),
      pid: process.pid,
      containerId: logged.id,
      containerName: logged.name,
      imageId: logged.imageId,
      imageName: logged.imageName,
      command: logged.command.join(" "),
      created: logged.created,
      tag: renderLogTag(options.get("tag") || defaultTag, logged),
      attributes: [...selectLogAttributes(options, logged)],
    },
  };
}

function loggedContainer(context: ContainerContext, record: ContainerRecord): LoggedContainer {
  const plan = planRecord(context, record);
  return {
    id: record.id,
    name: record.name,
    command: plan.args,
    imageId: record.imageId,
    imageName: record.image,
    created: new Date(record.createdAt).toISOString(),
    labels: { ...record.imageConfig.defaults.labels, ...record.spec.labels },
    env: plan.ownEnv,
  };
}

function optionsOf(options: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> {
  return new Map(Object.entries(options));
}
