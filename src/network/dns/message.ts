/** Types that are answered here. SPEC: RFC 1035 §3.2.2, RFC 3596 */
export const recordType = { A: 1, PTR: 12, AAAA: 28, OPT: 41 } as const;

/** SPEC: RFC 1035 §4.1.1 */
export const responseCode = { ok: 0, formatError: 1, serverFailure: 2, noSuchName: 3, refused: 5 } as const;

export const headerBytes = 12;
/** The maximum length of a UDP response to a client that announces no size. SPEC: RFC 1035 §4.2.1 */
const plainUdpBytes = 512;
/** The announced size: fits into every link's packet. SPEC: DNS flag day 2020 */
export const ourUdpBytes = 1232;

export interface Query {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** Lower case, without the last dot; bytes that are no plain character as `\ddd`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The question as it came, to be returned bit for bit (some clients use random capitals to verify the answer). */
  readonly question: Uint8Array;
  /** The most that a reply over UDP may have. */
  readonly udpBytes: number;
  /** It brought an OPT record, so the reply has one. SPEC: RFC 6891 §7 */
  readonly extended: boolean;
}

/**
 * Parses a standard query with one question. Returns the response code for a query that is not understood but can be
 * answered, and undefined for bytes that cannot be answered (a reply, too short). Never throws: this is hostile data.
 */
export function decodeQuery(
  bytes: Uint8Array,
): Query | { readonly id: number; readonly code: number } | undefined {
  if (bytes.length < headerBytes) return undefined;
  const view = viewOf(bytes);
  const id = view.getUint16(0);
  const flags = view.getUint16(2);
  if ((flags & 0x8000) !== 0) return undefined;
  const operation = (flags >> 11) & 0xf;
  if (operation !== 0) return { id, code: 4 }; // not implemented
  if (view.getUint16(4) !== 1) return { id, code: responseCode.formatError };
  const name = readName(bytes, headerBytes);
  if (name === undefined || name.end + 4 > bytes.length) return { id, code: responseCode.formatError };
  const end = name.end + 4;
  const extension = view.getUint16(10) === 0 ? undefined : findExtension(bytes, end);
  return {
    id,
    recursionDesired: (flags & 0x0100) !== 0,
    name: name.text,
    type: view.getUint16(name.end),
    class: view.getUint16(name.end + 2),
    question: bytes.slice(headerBytes, end),
    udpBytes: Math.max(plainUdpBytes, extension?.udpBytes ?? plainUdpBytes),
    extended: extension !== undefined,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A name without compression (questions have none). Undefined when it is none, or longer than 255 bytes. */
function readName(
  bytes: Uint8Array,
  at: number,
): { readonly text: string; readonly end: number } | undefined {
  const labels: string[] = [];
  for (let offset = at; offset < bytes.length && offset - at < 255; ) {
    const length = bytes[offset] ?? 0;
    if (length === 0) return { text: labels.join("."), end: offset + 1 };
    if (length > 63 || offset + 1 + length > bytes.length) return undefined;
    labels.push(labelText(bytes.subarray(offset + 1, offset + 1 + length)));
    offset += 1 + length;
  }
  return undefined;
}

function labelText(label: Uint8Array): string {
  let text = "";
  for (const byte of label) {
    const character = String.fromCharCode(byte);
    text +=
      /[!-~]/.test(character) && character !== "." && character !== "\\"
        ? character.toLowerCase()
        : `\\${String(byte).padStart(3, "0")}`;
  }
  return text;
}

/** The OPT record among those behind the question, when it is the first of them, as every client writes it. */
function findExtension(bytes: Uint8Array, at: number): { readonly udpBytes: number } | undefined {
  if (at + 11 > bytes.length || bytes[at] !== 0) return undefined;
  const view = viewOf(bytes);
  return view.getUint16(at + 1) === recordType.OPT ? { udpBytes: view.getUint16(at + 3) } : undefined;
}

export interface Answer {
  readonly type: number;
  /** An address of 4 or 16 bytes, or an encoded name. */
  readonly data: Uint8Array;
}

export interface Reply {
  readonly code: number;
  readonly answers: readonly Answer[];
  readonly ttlSeconds: number;
}

/**
 * The bytes of a reply; with more answers than `limitBytes` hold, those that fit, marked as cut, so that the asker
 * comes again over TCP.
 */
export function encodeReply(query: Query, reply: Reply, limitBytes: number): Uint8Array {
  const tail = query.extended ? 11 : 0;
  const sizes = reply.answers.map(({ data }) => 12 + data.length);
  let size = headerBytes + query.question.length + tail;
  let count = 0;
  while (count < sizes.length && size + (sizes[count] ?? 0) <= limitBytes) size += sizes[count++] ?? 0;
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  const isCut = count < sizes.length;
  writeHeader(view, query, { code: reply.code, isCut });
  view.setUint16(4, 1);
  view.setUint16(6, count);
  view.setUint16(10, query.extended ? 1 : 0);
  bytes.set(query.question, headerBytes);
  let at = headerBytes + query.question.length;
  for (const { type, data } of reply.answers.slice(0, count)) {
    view.setUint16(at, 0xc000 | headerBytes); // the name is the question's
    view.setUint16(at + 2, type);
    view.setUint16(at + 4, 1);
    view.setUint32(at + 6, reply.ttlSeconds);
    view.setUint16(at + 10, data.length);
    bytes.set(data, at + 12);
    at += 12 + data.length;
  }
  if (query.extended) {
    view.setUint16(at + 1, recordType.OPT);
    view.setUint16(at + 3, ourUdpBytes);
  }
  return bytes;
}

function writeHeader(
  view: DataView,
  query: { readonly id: number; readonly recursionDesired: boolean },
  { code, isCut }: { readonly code: number; readonly isCut: boolean },
): void {
  view.setUint16(0, query.id);
  // A reply; recursion desired as asked, and available.
  view.setUint16(2, 0x8080 | (query.recursionDesired ? 0x0100 : 0) | (isCut ? 0x0200 : 0) | code);
}

/** To a query that was not understood: a header alone. */
export function encodeFailure({ id, code }: { readonly id: number; readonly code: number }): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  writeHeader(viewOf(bytes), { id, recursionDesired: false }, { code, isCut: false });
  return bytes;
}

/** `web.net` as labels. Undefined for what is no name: an empty or too long label. */
export function encodeName(name: string): Uint8Array | undefined {
  const labels = name.split(".").map((label) => Buffer.from(label, "utf8"));
  if (labels.some(({ length }) => length === 0 || length > 63)) return undefined;
  const bytes = Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)]);
  return bytes.length > 255 ? undefined : new Uint8Array(bytes);
}

/**
 * Whether a reply from elsewhere is one to this query: same id, same question (whatever its capitals), marked as a
 * reply.
 */
export function isReplyTo(
  bytes: Uint8Array,
  { id, question }: { readonly id: number; readonly question: Uint8Array },
): boolean {
  if (bytes.length < headerBytes + question.length) return false;
  const view = viewOf(bytes);
  if (view.getUint16(0) !== id || (view.getUint16(2) & 0x8000) === 0 || view.getUint16(4) !== 1) return false;
  return question.every((byte, at) => lower(bytes[headerBytes + at] ?? 0) === lower(byte));
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** The code of a reply. */
export function codeOf(bytes: Uint8Array): number {
  return (bytes[3] ?? 0) & 0xf;
}

/** The same message with another id. */
export function withId(bytes: Uint8Array, id: number): Uint8Array {
  const copy = bytes.slice();
  viewOf(copy).setUint16(0, id);
  return copy;
}
