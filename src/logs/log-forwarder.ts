import { sleep } from "../base/deadline.ts";
import { Failure, failureOf, sentenceOf } from "../base/failure.ts";
import { log } from "../base/log.ts";
import { required } from "../base/required.ts";
import type { LogReceiver } from "../spec/log-driver/log-receiver.ts";
import type { MessageContext } from "./drivers/message.ts";
import { PartialTracker } from "./drivers/partial-tracker.ts";
import type { ForwardingBudget } from "./forwarding-budget.ts";
import {
  findPosition,
  firstPosition,
  type ForwardingPosition,
  PositionFile,
} from "./forwarding/forwarding-position.ts";
import { LogWatch } from "./forwarding/log-watch.ts";
import { openReceiverLink, type ReceiverLink } from "./forwarding/receiver-link.ts";
import type { LogEntry } from "./log-entry.ts";
import { LineAssembler, type LineFilter, mostLineBytes } from "./records/line-assembler.ts";
import { fileHeaderBytes } from "./records/log-file.ts";
import { LogFiles } from "./records/log-files.ts";
import { LogPosition } from "./records/log-position.ts";

/** Read at a time: more than the largest record. */
const CHUNK_BYTES = 128 * 1024;
/** Handed to a connection at a time, unless one message is longer. */
const BATCH_BYTES = 64 * 1024;
/** A receiver that takes nothing for so long has to be waited for without what was read. */
const STALL_MS = 2000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;
/** The kernel reports a refused datagram at once on this machine, and after a round trip on another one. */
const REFUSAL_MS = 50;
const newline = 10;

export interface LogForwarderOptions {
  /** Of the container's log. */
  readonly directory: string;
  readonly positionPath: string;
  readonly receiver: LogReceiver;
  readonly budget: ForwardingBudget;
  /** Size at which a log file is rotated. */
  readonly fileBytes: number;
}

/** What changes with each run of the container. */
export interface ForwardedRun {
  readonly context: MessageContext;
  /** As those of ReadLogOptions. */
  readonly startsNs: readonly bigint[];
}

export interface ForwarderStatus {
  readonly isConnected: boolean;
  /** Messages. */
  readonly sent: number;
  /** Bytes of the log that wait to be sent. */
  readonly pendingBytes: number;
  /** Bytes of the log that were rotated away, refused or given up before they were sent; counted by whole files. */
  readonly droppedBytes: number;
  readonly lastError?: { readonly sentence: string; readonly at: number } | undefined;
}

/**
 * Sends a container's log to a receiver, entry by entry, from a recorded position on. The log itself is the buffer: a
 * receiver that is slow or gone costs neither memory nor time of the container. After a failure it connects again, with
 * growing delays. It ends by stop(), or when all has been sent and end() was called.
 */
export class LogForwarder {
  /** Resolves when it has ended. Never rejects. */
  readonly done: Promise<void>;
  readonly #options: LogForwarderOptions;
  readonly #file: PositionFile;
  readonly #watch: LogWatch;
  readonly #stopped = new AbortController();
  #hurry = new AbortController();
  #run: ForwardedRun;
  #at: ForwardingPosition;
  #hasEnded = false;
  #isLastTry = false;
  /** The connection's encoder is of an earlier run. */
  #isOutdated = false;
  #link: ReceiverLink | undefined;
  #files: LogFiles | undefined;
  #position: LogPosition | undefined;
  #assembler: LineAssembler;
  #tracker: PartialTracker;
  /** Entries that the assembler will give again. */
  #repeated = 0;
  #failures = 0;
  #lastError: ForwarderStatus["lastError"];
  /** The last datagrams, and those that the receiver's kernel refused after they were sent. */
  #lastPieces: readonly Uint8Array[] = [];
  #refusedPieces: readonly Uint8Array[] = [];

  constructor(options: LogForwarderOptions, run: ForwardedRun) {
    this.#options = options;
    this.#run = run;
    this.#file = new PositionFile(options.positionPath);
    this.#at = { ...(findPosition(options.positionPath) ?? firstPosition), isComplete: false };
    this.#file.write(this.#at);
    this.#watch = new LogWatch(options.directory);
    this.#assembler = this.#newAssembler();
    this.#tracker = new PartialTracker(run.context.containerId, this.#at.partial);
    this.#repeated = this.#at.entries;
    this.done = this.#forward();
  }

  /** The container runs again. */
  goOn(run: ForwardedRun): void {
    this.#run = run;
    this.#hasEnded = false;
    this.#isOutdated = true;
    this.#watch.wake();
  }

  /** Everything has been written: it ends when that is sent. */
  end(): void {
    this.#hasEnded = true;
    this.#watch.wake();
  }

  /** As end(), but it tries only once more to connect, and ends within that time, sent or not. */
  async finish({ withinMs }: { readonly withinMs: number }): Promise<void> {
    this.#isLastTry = true;
    this.#hurry.abort();
    this.end();
    const timer = setTimeout(() => this.stop(), withinMs);
    await this.done;
    clearTimeout(timer);
  }

  stop(): void {
    this.#stopped.abort();
    this.#hurry.abort();
    this.#link?.transport[Symbol.dispose]();
    this.#watch.wake();
  }

  status(): ForwarderStatus {
    return {
      isConnected: this.#link !== undefined && this.#link.transport.findFailure() === undefined,
      sent: this.#at.sent,
      pendingBytes: this.#pendingBytes(),
      droppedBytes: this.#at.droppedBytes,
      lastError: this.#lastError,
    };
  }

  async #forward(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        if (!(await this.#step())) break;
      } catch (thrown) {
        this.#disconnect(failureOf(thrown));
        if (this.#isLastTry) break;
        await this.#waitToRetry();
      }
    }
    this.#close();
    this.#link?.transport[Symbol.dispose]();
    this.#link = undefined;
    this.#watch[Symbol.dispose]();
    this.#file[Symbol.dispose]();
  }

  /** False when all is done. */
  async #step(): Promise<boolean> {
    this.#checkLink();
    if (this.#refusedPieces.length > 0) await this.#repeatRefused();
    const hadEnded = this.#hasEnded;
    if (this.#look() || (hadEnded && this.#hasOpenLines())) {
      this.#link ??= await this.#connect();
      await this.#sendSome(this.#link, { hadEnded });
      return true;
    }
    if (hadEnded) {
      if (this.#link?.isDatagram === true && this.#lastPieces.length > 0) {
        await this.#confirmDatagram(this.#link);
        return true;
      }
      this.#record({ ...this.#at, isComplete: true });
      return false;
    }
    if (this.#link === undefined) this.#close();
    await this.#watch.next();
    return true;
  }

  /** A connection that the receiver has closed is made again when there is something to send. */
  #checkLink(): void {
    if (this.#isOutdated) {
      this.#isOutdated = false;
      this.#link?.transport[Symbol.dispose]();
      this.#link = undefined;
    }
    const lost = this.#link?.transport.findFailure();
    if (lost === undefined) return;
    this.#disconnect(lost);
    if (this.#refusedPieces.length > 0) throw lost;
  }

  async #repeatRefused(): Promise<void> {
    this.#link ??= await this.#connect();
    await this.#link.transport.send(this.#refusedPieces);
    this.#lastPieces = this.#refusedPieces;
    this.#refusedPieces = [];
    await this.#confirmDatagram(this.#link);
  }

  /** Throws when the last datagram was refused. */
  async #confirmDatagram({ transport }: ReceiverLink): Promise<void> {
    await sleep(REFUSAL_MS, { signal: this.#stopped.signal });
    const lost = transport.findFailure();
    if (lost !== undefined) throw lost;
    this.#lastPieces = [];
    this.#succeeded();
  }

  #hasOpenLines(): boolean {
    return this.#assembler.state().open.some((line) => line.bytes.length > 0);
  }

  async #connect(): Promise<ReceiverLink> {
    const { receiver } = this.#options;
    const link = await openReceiverLink(receiver, {
      context: this.#run.context,
      signal: this.#stopped.signal,
    });
    if (this.#stopped.signal.aborted) {
      link.transport[Symbol.dispose]();
      throw new Failure("canceled", "cannot send the log: the engine ends");
    }
    return link;
  }

  /** Whether there are bytes after the position. Goes on to the next file where that is complete. */
  #look(): boolean {
    for (;;) {
      const files = this.#openFiles();
      const file = files.all[0];
      if (file === undefined) return false;
      if (this.#position?.file !== file)
        this.#position = new LogPosition(file, { offset: this.#offsetIn(file.sequence) });
      const hasNewer = files.keepUp();
      if (!this.#position.isCorrupt && file.sizeBytes() > this.#position.offset) return true;
      if (!hasNewer) return false;
      this.#passFile(files);
    }
  }

  #offsetIn(sequence: bigint): number {
    return sequence === this.#at.sequence ? this.#at.offset : fileHeaderBytes;
  }

  #passFile(files: LogFiles): void {
    files.pass();
    this.#position = undefined;
    const next = required(files.all[0]);
    const isNext = next.sequence === this.#at.sequence + 1n;
    if (!isNext) return this.#skipTo(next.sequence);
    this.#rebase({ sequence: next.sequence, offset: fileHeaderBytes });
  }

  #openFiles(): LogFiles {
    if (this.#files !== undefined && this.#files.all.length > 0) return this.#files;
    this.#files = new LogFiles(this.#options.directory);
    while ((this.#files.all[0]?.sequence ?? this.#at.sequence) < this.#at.sequence) this.#files.pass();
    const first = this.#files.all[0];
    if (first !== undefined && first.sequence > this.#at.sequence) this.#skipTo(first.sequence);
    return this.#files;
  }

  /** The file of the position was rotated away before all of it was sent. */
  #skipTo(sequence: bigint): void {
    const files = Number(sequence - this.#at.sequence);
    const lostBytes = Math.max(0, files * this.#options.fileBytes - (this.#at.offset - fileHeaderBytes));
    this.#startAt({ sequence, offset: fileHeaderBytes }, lostBytes);
  }

  #startAt(place: { readonly sequence: bigint; readonly offset: number }, lostBytes: number): void {
    const droppedBytes = this.#at.droppedBytes + lostBytes;
    this.#record({
      ...this.#at,
      ...place,
      open: [],
      partial: [undefined, undefined],
      entries: 0,
      droppedBytes,
    });
    this.#restore();
  }

  /** All entries of the assembler have been sent: the position moves on. */
  #rebase(place: { readonly sequence: bigint; readonly offset: number }): void {
    const { open } = this.#assembler.state();
    this.#record({
      ...this.#at,
      ...place,
      open: open.some((line) => line.bytes.length > 0) ? open : [],
      partial: this.#tracker.state(),
      entries: 0,
    });
    this.#repeated = 0;
  }

  async #sendSome(link: ReceiverLink, { hadEnded }: { readonly hadEnded: boolean }): Promise<void> {
    using permit = await this.#options.budget.acquire();
    const position = this.#position;
    const moved = (await position?.advance(this.#assembler, { chunkBytes: CHUNK_BYTES })) ?? false;
    if (!moved && hadEnded) this.#assembler.flush();
    const entries = this.#assembler.take();
    if (!(await this.#sendEntries(link, { entries, permit }))) return;
    if (position !== undefined && (moved || hadEnded)) {
      // What is behind the last whole record of a container that has ended is none.
      const offset = moved ? position.offset : position.file.sizeBytes();
      this.#rebase({ sequence: position.file.sequence, offset });
      position.offset = offset;
    }
    if (moved || hadEnded) return;
    // A record of which the keeper has written only a part, or bytes that are none: nothing to do until it changes.
    permit[Symbol.dispose]();
    await this.#watch.next();
  }

  /** False when it had to wait for the receiver without the entries: they have to be read again. */
  async #sendEntries(
    link: ReceiverLink,
    { entries, permit }: { readonly entries: readonly LogEntry[]; readonly permit: Disposable },
  ): Promise<boolean> {
    let batch = emptyBatch();
    for (const [index, entry] of entries.entries()) {
      const partial = this.#tracker.next(entry, { mostBytes: mostLineBytes });
      if (this.#repeated > 0) {
        this.#repeated--;
        continue;
      }
      const { stream, timeNs } = entry;
      const line = entry.bytes.at(-1) === newline ? entry.bytes.subarray(0, -1) : entry.bytes;
      const message = link.encoder.encode({ stream, timeNs, line, partial });
      batch.pieces.push(...message);
      batch.entries++;
      batch.bytes += message.reduce((sum, piece) => sum + piece.length, 0);
      if (message.length > 0) batch.messages++;
      else batch.refusedBytes += line.length;
      if (!link.isDatagram && batch.bytes < BATCH_BYTES && index < entries.length - 1) continue;
      if (!(await this.#hand(link, { batch, permit }))) return false;
      batch = emptyBatch();
    }
    return true;
  }

  /** Sends and records it. False when the receiver stood still meanwhile, and what was read has been let go. */
  async #hand(
    link: ReceiverLink,
    { batch, permit }: { readonly batch: Batch; readonly permit: Disposable },
  ): Promise<boolean> {
    const sending = batch.pieces.length === 0 ? Promise.resolve(0) : link.transport.send(batch.pieces);
    const wasQuick = await settlesWithin(sending, STALL_MS);
    if (!wasQuick) permit[Symbol.dispose]();
    const tooLarge = wasQuick ? await sending : await this.#waitForReceiver(link, sending);
    if (link.isDatagram) {
      this.#lastPieces = batch.pieces;
      this.#watch.lookAgain();
    } else this.#succeeded();
    // Datagrams are sent one message at a time.
    const isRefused = tooLarge > 0;
    this.#record({
      ...this.#at,
      entries: this.#at.entries + batch.entries,
      sent: this.#at.sent + (isRefused ? 0 : batch.messages),
      droppedBytes: this.#at.droppedBytes + batch.refusedBytes + (isRefused ? batch.bytes : 0),
    });
    if (!wasQuick) this.#restore();
    return wasQuick;
  }

  async #waitForReceiver(link: ReceiverLink, sending: Promise<number>): Promise<number> {
    this.#lastError = { sentence: "the receiver takes nothing", at: Date.now() };
    const place = this.#options.budget.tryStall();
    const { receiver } = this.#options;
    const timeoutMs = receiver.driver === "fluentd" ? receiver.writeTimeoutMs : undefined;
    const timer =
      place === undefined || timeoutMs !== undefined
        ? setTimeout(() => link.transport[Symbol.dispose](), place === undefined ? 0 : timeoutMs)
        : undefined;
    this.#close();
    try {
      return await sending;
    } finally {
      clearTimeout(timer);
      place?.[Symbol.dispose]();
    }
  }

  #succeeded(): void {
    if (this.#failures > 0)
      log("info", `the log of container ${this.#run.context.containerName} is sent again`);
    this.#failures = 0;
  }

  #disconnect(failure: Failure): void {
    if (this.#link?.isDatagram === true && failure.details.code === "ECONNREFUSED") {
      if (this.#lastPieces.length > 0) this.#refusedPieces = this.#lastPieces;
      this.#lastPieces = [];
    }
    this.#link?.transport[Symbol.dispose]();
    this.#link = undefined;
    this.#close();
    this.#restore();
    if (this.#stopped.signal.aborted) return;
    this.#lastError = { sentence: sentenceOf(failure), at: Date.now() };
  }

  /** Reading begins again at the position. */
  #restore(): void {
    this.#position = undefined;
    this.#assembler = this.#newAssembler();
    this.#tracker = new PartialTracker(this.#run.context.containerId, this.#at.partial);
    this.#repeated = this.#at.entries;
  }

  async #waitToRetry(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    const { receiver } = this.#options;
    const retries = receiver.driver === "fluentd" || receiver.driver === "gelf" ? receiver : undefined;
    this.#failures++;
    if (this.#failures === 1) {
      const { containerName } = this.#run.context;
      log(
        "warning",
        `the log of container ${containerName} cannot be sent: ${this.#lastError?.sentence ?? ""}`,
      );
    }
    if (retries?.mostRetries !== undefined && this.#failures > retries.mostRetries) this.#giveUp();
    const first = retries?.retryWaitMs ?? FIRST_RETRY_MS;
    const delayMs = Math.min(first * 1.5 ** Math.min(this.#failures - 1, 40), Math.max(first, LAST_RETRY_MS));
    this.#hurry = new AbortController();
    await sleep(delayMs, { signal: this.#hurry.signal }).catch(() => undefined);
  }

  /** The options limit the tries: what waits is not sent. */
  #giveUp(): void {
    using files = new LogFiles(this.#options.directory);
    const last = files.all.at(-1);
    if (last === undefined) return;
    this.#startAt({ sequence: last.sequence, offset: last.sizeBytes() }, this.#pendingBytes());
  }

  #pendingBytes(): number {
    return pendingBytes(this.#options.directory, this.#at);
  }

  #record(at: ForwardingPosition): void {
    this.#at = at;
    this.#file.write(at);
  }

  #newAssembler(): LineAssembler {
    const startsOf = (): readonly bigint[] => this.#run.startsNs;
    const filter: LineFilter = {
      stdout: true,
      stderr: true,
      sinceNs: undefined,
      untilNs: undefined,
      get startsNs() {
        return startsOf();
      },
    };
    return new LineAssembler(filter, 0, { count: 0, open: this.#at.open });
  }

  #close(): void {
    this.#files?.[Symbol.dispose]();
    this.#files = undefined;
    this.#position = undefined;
  }
}

/** Messages that are sent together. */
interface Batch {
  readonly pieces: Uint8Array[];
  /** Of the log. */
  entries: number;
  messages: number;
  bytes: number;
  /** Of lines for which there is no message. */
  refusedBytes: number;
}

function emptyBatch(): Batch {
  return { pieces: [], entries: 0, messages: 0, bytes: 0, refusedBytes: 0 };
}

/** The status of a log that no forwarder follows; undefined: it was never sent. */
export function findForwarderStatus({
  directory,
  positionPath,
}: Pick<LogForwarderOptions, "directory" | "positionPath">):
  | (ForwarderStatus & { readonly isComplete: boolean })
  | undefined {
  const at = findPosition(positionPath);
  if (at === undefined) return undefined;
  const { sent, droppedBytes, isComplete } = at;
  return { isConnected: false, sent, droppedBytes, isComplete, pendingBytes: pendingBytes(directory, at) };
}

/** An unreadable log has none. */
function pendingBytes(directory: string, at: ForwardingPosition): number {
  try {
    using files = new LogFiles(directory);
    let bytes = 0;
    for (const file of files.all) {
      if (file.sequence < at.sequence) continue;
      bytes += file.sizeBytes() - (file.sequence === at.sequence ? at.offset : fileHeaderBytes);
    }
    return Math.max(0, bytes);
  } catch {
    return 0;
  }
}

async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}
