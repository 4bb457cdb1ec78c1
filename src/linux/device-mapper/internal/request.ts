import { Failure } from "../../../base/failure.ts";

// SPEC: linux/dm-ioctl.h
/**
 * struct dm_ioctl: u32 version[3], data_size, data_start, target_count; s32 open_count; u32 flags, event_nr, padding;
 * u64 dev; char name[128], uuid[129], data[7]
 */
const headBytes = 312;
const nameAt = 48;
const nameBytes = 128;
/**
 * struct dm_target_spec: u64 sector_start, length; s32 status; u32 next; char target_type[16]; then the parameters,
 * ended by a zero byte
 */
const specBytes = 40;
const typeAt = 24;
const typeBytes = 16;

/** _IOWR(0xfd, number, struct dm_ioctl) */
const command = (number: number): number => 0xc138_fd00 + number;
export const DM_LIST_DEVICES: number = command(2);
export const DM_DEV_CREATE: number = command(3);
export const DM_DEV_REMOVE: number = command(4);
/** Suspends with DM_SUSPEND_FLAG, resumes without. */
export const DM_DEV_SUSPEND: number = command(6);
export const DM_DEV_STATUS: number = command(7);
export const DM_TABLE_LOAD: number = command(9);
export const DM_TABLE_STATUS: number = command(12);
export const DM_TARGET_MSG: number = command(14);
/** KERNEL(5.4); loads the target's module. */
export const DM_GET_TARGET_VERSION: number = command(17);

export const DM_READONLY_FLAG = 0x1;
const DM_SUSPEND_FLAG = 0x2;
/** DM_TABLE_STATUS gives the table itself. */
export const DM_STATUS_TABLE_FLAG = 0x10;
const DM_ACTIVE_PRESENT_FLAG = 0x20;
const DM_BUFFER_FULL_FLAG = 0x100;
/** DM_TABLE_STATUS writes nothing to the disk first. */
export const DM_NOFLUSH_FLAG = 0x800;
/** DM_DEV_REMOVE of a device that is open takes place when it is closed. KERNEL(3.13) */
export const DM_DEFERRED_REMOVE = 0x2_0000;

/** One line of a table; a sector has 512 bytes. */
export interface TableLine {
  readonly sectors: number;
  /** "thin-pool", "thin", … */
  readonly type: string;
  readonly parameters: string;
}

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

export interface MapperDevice extends DeviceNumber {
  readonly name: string;
}

/** The kernel's description of a mapped device. */
export interface MapperState extends DeviceNumber {
  /** It has a table that it works by. */
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly openCount: number;
}

export interface RequestOptions {
  readonly name?: string | undefined;
  readonly flags?: number | undefined;
  readonly line?: TableLine | undefined;
  readonly message?: string | undefined;
  /** The size of the answer's buffer. */
  readonly bytes?: number | undefined;
}

/** An argument for the ioctls above; the kernel writes its answer into it. */
export function encodeRequest({
  name = "",
  flags = 0,
  line,
  message,
  bytes = headBytes,
}: RequestOptions): Uint8Array {
  const payload =
    line === undefined ? (message === undefined ? undefined : encodeMessage(message)) : encodeLine(line);
  const size = Math.max(bytes, headBytes + (payload?.length ?? 0));
  const encoded = new Uint8Array(size);
  const view = new DataView(encoded.buffer);
  view.setUint32(0, 4, true); // 4.0.0: the kernel may be later in the last two
  view.setUint32(12, size, true);
  view.setUint32(16, headBytes, true);
  view.setUint32(20, line === undefined ? 0 : 1, true);
  view.setUint32(28, flags, true);
  putText(encoded, name, { at: nameAt, bytes: nameBytes });
  if (payload !== undefined) encoded.set(payload, headBytes);
  return encoded;
}

function encodeLine({ sectors, type, parameters }: TableLine): Uint8Array {
  const text = new TextEncoder().encode(parameters);
  const encoded = new Uint8Array(Math.ceil((specBytes + text.length + 1) / 8) * 8);
  const view = new DataView(encoded.buffer);
  view.setBigUint64(8, BigInt(sectors), true);
  view.setUint32(20, encoded.length, true);
  putText(encoded, type, { at: typeAt, bytes: typeBytes });
  encoded.set(text, specBytes);
  return encoded;
}

/** struct dm_target_msg: u64 sector, then the text */
function encodeMessage(message: string): Uint8Array {
  const text = new TextEncoder().encode(message);
  const encoded = new Uint8Array(8 + text.length + 1);
  encoded.set(text, 8);
  return encoded;
}

function putText(
  into: Uint8Array,
  text: string,
  { at, bytes }: { readonly at: number; readonly bytes: number },
): void {
  const encoded = new TextEncoder().encode(text);
  if (encoded.length >= bytes) throw new Failure("invalid", `"${text}" is longer than ${bytes - 1} bytes`);
  into.set(encoded, at);
}

export function parseState(answer: Uint8Array): MapperState {
  const view = viewOf(answer);
  const flags = view.getUint32(28, true);
  return {
    ...parseDeviceNumber(view.getBigUint64(40, true)),
    isActive: (flags & DM_ACTIVE_PRESENT_FLAG) !== 0,
    isSuspended: (flags & DM_SUSPEND_FLAG) !== 0,
    openCount: view.getInt32(24, true),
  };
}

/** Whether the answer was truncated to the size of its buffer. */
export function isTruncated(answer: Uint8Array): boolean {
  return (viewOf(answer).getUint32(28, true) & DM_BUFFER_FULL_FLAG) !== 0;
}

/** The first line of what DM_TABLE_STATUS gave; undefined for a device without a table. */
export function parseLine(answer: Uint8Array): TableLine | undefined {
  const view = viewOf(answer);
  if (view.getUint32(20, true) === 0) return undefined;
  const start = view.getUint32(16, true);
  return {
    sectors: Number(view.getBigUint64(start + 8, true)),
    type: textAt(answer, start + typeAt),
    parameters: textAt(answer, start + specBytes).trim(),
  };
}

/** Parses the answer of DM_LIST_DEVICES. struct dm_name_list: u64 dev; u32 next, from this one; char name[] */
export function parseDevices(answer: Uint8Array): readonly MapperDevice[] {
  const view = viewOf(answer);
  const devices: MapperDevice[] = [];
  for (let at = view.getUint32(16, true); at + 12 < answer.length; ) {
    const device = view.getBigUint64(at, true);
    if (device === 0n) break;
    devices.push({ name: textAt(answer, at + 12), ...parseDeviceNumber(device) });
    const next = view.getUint32(at + 8, true);
    if (next === 0) break;
    at += next;
  }
  return devices;
}

/** As the kernel's huge_encode_dev() makes it. */
function parseDeviceNumber(device: bigint): DeviceNumber {
  const number = Number(device & 0xffff_ffffn);
  return { major: (number >>> 8) & 0xfff, minor: (number & 0xff) | ((number >>> 12) & 0xf_ff00) };
}

function textAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return new TextDecoder().decode(bytes.subarray(at, end === -1 ? bytes.length : end));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
