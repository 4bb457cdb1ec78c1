import { defined } from "../../../base/defined.ts";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { sentenceOf } from "../../../base/failure.ts";
import { capabilityNames } from "../../../linux/process/capability.ts";
import { auditArchitecture, defaultSeccompProfile } from "../../../linux/seccomp/seccomp.ts";
import { formatProfileDocument, profileOfCalls } from "../../../linux/seccomp/recorded.ts";
import { permissiveSeccompProfile } from "../../../linux/seccomp/watch.ts";
import { syscallNumber } from "../../../linux/kernel/syscall.ts";
import type { CallWatch, KeptProcess } from "../../../runtime/types.ts";
import { readCallRecord, type TracedCall } from "../../../runtime/traced-calls.ts";
import type { Denial, TracedCallDetails } from "../../../model/denials.ts";
import type { EngineEvent } from "../../../model/engine.ts";
import { describeDenial, type DenialPolicy } from "../../resolve/describe-denial.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerSpec } from "../../../model/container-spec.ts";
import type { ContainerContext } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { planRecord } from "../../plan-record.ts";

/** Records of so many exec sessions are kept in one container. */
const MOST_SESSIONS = 32;
/** So many kinds of denials of one run become events: a container cannot push out all others. */
const MOST_REPORTED = 32;
/** Denials come in bursts; one event reports several of them. */
const REPORT_AFTER_MS = 50;

const ownRecord = "run";
const sessionPrefix = "exec-";

export function isTraced({ isolation: { explainDenials, recordCalls } = {} }: ContainerSpec): boolean {
  return explainDenials === true || recordCalls === true;
}

/** The calls that the keeper of a container's process has to trace. A new run starts with an empty record. */
export function chooseTracing(
  context: ContainerContext,
  { id, spec }: ContainerRecord,
  execId?: string,
): { readonly watch?: CallWatch | undefined } {
  if (!isTraced(spec)) return {};
  const directory = context.paths.callRecords(id);
  if (execId === undefined) rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (execId !== undefined) dropOldSessions(directory);
  return {
    watch: {
      denials: spec.isolation?.explainDenials === true,
      calls: spec.isolation?.recordCalls === true,
      recordPath: join(directory, execId === undefined ? ownRecord : `${sessionPrefix}${execId}`),
    },
  };
}

function dropOldSessions(directory: string): void {
  const sessions = readdirSync(directory)
    .filter((name) => name.startsWith(sessionPrefix))
    .map((name) => ({ name, ms: statSync(join(directory, name)).mtimeMs }))
    .toSorted((one, other) => other.ms - one.ms);
  for (const { name } of sessions.slice(MOST_SESSIONS - 1)) rmSync(join(directory, name), { force: true });
}

/** For `inspect`; nothing for a container whose calls are not traced. */
export function describeTracedCalls(context: ContainerContext, record: ContainerRecord): TracedCallDetails {
  const { spec } = record;
  if (!isTraced(spec)) return {};
  const { calls: records, unrecorded } = readRecords(context, record);
  const policy = policyOf(context, record);
  return {
    unrecordedCalls: unrecorded === 0 ? undefined : unrecorded,
    denials: spec.isolation?.explainDenials === true ? denialsOf(records, policy) : undefined,
    recordedProfile: spec.isolation?.recordCalls === true ? recordedProfile(records, policy) : undefined,
  };
}

interface NamedCall {
  readonly call: TracedCall;
  readonly execId?: string | undefined;
}

function readRecords(
  context: ContainerContext,
  { id }: ContainerRecord,
): { readonly calls: readonly NamedCall[]; readonly unrecorded: number } {
  const directory = context.paths.callRecords(id);
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return { calls: [], unrecorded: 0 }; // it was never started
  }
  const records = names.map((name) => ({ name, ...readCallRecord(join(directory, name)) }));
  return {
    unrecorded: records.reduce((sum, { unrecorded }) => sum + unrecorded, 0),
    calls: records.flatMap(({ name, calls }) => {
      const session = name.startsWith(sessionPrefix) ? { execId: name.slice(sessionPrefix.length) } : {};
      return calls.map((call) => ({ call, ...session }));
    }),
  };
}

function policyOf(context: ContainerContext, record: ContainerRecord): DenialPolicy {
  const plan = planRecord(context, record);
  const { seccomp } = plan;
  return {
    profile:
      seccomp === "default"
        ? defaultSeccompProfile
        : seccomp === "unconfined"
          ? permissiveSeccompProfile
          : context.seccomp.get(seccomp.profile),
    isDefault: seccomp === "default",
    appArmorProfile: plan.appArmorProfile,
    options: {
      capabilities: new Set(capabilityNames.filter((name) => plan.capabilities.includes(name))),
      architecture: process.arch === "arm64" ? "arm64" : "x86_64",
      kernel: release(),
    },
  };
}

function denialsOf(records: readonly NamedCall[], policy: DenialPolicy): readonly Denial[] {
  return records
    .filter(({ call }) => !call.isOrdinary)
    .map(({ call, execId }) => ({
      ...describeDenial(call, policy),
      execId,
    }))
    .toSorted((one, other) => one.firstAt - other.firstAt);
}

/** System calls that the start of a process makes before the keeper listens; with and without tracing. */
const untracedCalls = ["read", "write"] as const;

function recordedProfile(records: readonly NamedCall[], { profile, options }: DenialPolicy): string {
  const audit = auditArchitecture(options.architecture);
  const needed = untracedCalls.map((name) => ({ audit, number: syscallNumber(name) }));
  const used = [...needed, ...records.map(({ call }) => call)];
  return formatProfileDocument(profileOfCalls(profile, used, options));
}

const pendingReports = new WeakMap<KeptProcess, NodeJS.Timeout>();

/** Denials of this process become events as they come. */
export function followDenials(context: ContainerContext, record: ContainerRecord, kept: KeptProcess): void {
  if (record.spec.isolation?.explainDenials !== true) return;
  const report = (): void => {
    pendingReports.delete(kept);
    if (context.closing.aborted || !context.state.findContainer(record.id)) return;
    reportDenials(context, record);
  };
  const soon = (): void => {
    if (!pendingReports.has(kept)) pendingReports.set(kept, setTimeout(report, REPORT_AFTER_MS).unref());
  };
  kept.onTracedCall(soon);
  // Reports calls that were recorded before a listener was added.
  soon();
}

/**
 * Makes events of the denials of which there are none yet. Never throws: they are no reason to keep an end unrecorded.
 */
export function reportDenials(context: ContainerContext, record: ContainerRecord): void {
  if (record.spec.isolation?.explainDenials !== true) return;
  try {
    recordDenials(context, record);
  } catch (thrown) {
    context.background.note(record.id, `cannot report its denials: ${sentenceOf(thrown)}`);
  }
}

function recordDenials(context: ContainerContext, record: ContainerRecord): void {
  const { events } = context.state;
  const known = new Set(
    events.recent
      .filter(({ action, actor }) => action === deniedAction && actor.id === record.id)
      .map(({ actor }) => actor.attributes["firstCall"]),
  );
  let count = 0;
  for (const { call, execId } of readRecords(context, record).calls) {
    if (call.isOrdinary || ++count > MOST_REPORTED) continue;
    const firstCall = String(call.firstNs);
    if (known.has(firstCall)) continue;
    const denial = describeDenial(call, policyOf(context, record));
    events.record(deniedEvent(record, { ...denial, execId }, firstCall));
  }
}

const deniedAction = "denied";

function deniedEvent(record: ContainerRecord, denial: Denial, firstCall: string): EngineEvent {
  const { call, text, error, by, advice, pid, execId } = denial;
  return containerEvent(
    record,
    deniedAction,
    defined({
      call,
      by,
      advice,
      firstCall,
      pid: String(pid),
      text,
      error,
      execID: execId,
    }),
  );
}
