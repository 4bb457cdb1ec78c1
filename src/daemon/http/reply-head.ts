/** SPEC: RFC 9110, 15: those that are sent. */
const reasons: Readonly<Record<number, string>> = {
  101: "UPGRADED", // Docker's own; some clients compare the whole line
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  507: "Insufficient Storage",
};

export function encodeReplyHead(
  status: number,
  fields: Readonly<Record<string, string | number>>,
  reason: string = reasons[status] ?? "Status",
): string {
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (const [name, value] of Object.entries(fields)) {
    // SAFETY: a line end in a value would begin another field.
    text += `${name}: ${String(value).replace(/[^\t\x20-\x7e]/g, "?")}\r\n`;
  }
  return `${text}\r\n`;
}

/** The whole reply on a connection that has no request to be answered; it is closed behind it. */
export function encodeRefusal(
  status: number,
  message: string,
  { isHead = false }: { readonly isHead?: boolean | undefined } = {},
): Buffer {
  const body = Buffer.from(`${JSON.stringify({ message })}\n`);
  const fields = { "Content-Type": "application/json", "Content-Length": body.length, Connection: "close" };
  const head = Buffer.from(encodeReplyHead(status, fields));
  return isHead ? head : Buffer.concat([head, body]);
}

export function hasNoBody(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}
