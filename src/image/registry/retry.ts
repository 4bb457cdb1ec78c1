/** The outcome of a request: a status, or a failed connection. */
export type Outcome =
  | { readonly kind: "reply"; readonly status: number; readonly retryAfter?: string | undefined }
  /** It had been made, and may have been obeyed. */
  | { readonly kind: "broken" }
  /** No process listens: the registry may just be starting. */
  | { readonly kind: "refused" };

const attempts = 6;
const refusedAttempts = 3;
const firstMs = 250;
const longestMs = 10_000;
/** The user sees an error instead when a server requests a longer delay than this. */
const longestAskedMs = 60_000;

/**
 * How long to wait before the request is made again; undefined: it is not. `attempt` counts from 1; `random` in [0, 1)
 * spreads those that failed together. SPEC: RFC 9110 §10.2.3 (Retry-After), RFC 6585 §4
 */
export function retryDelayMs(
  outcome: Outcome,
  { attempt, now, random }: { readonly attempt: number; readonly now: number; readonly random: number },
): number | undefined {
  if (attempt >= (outcome.kind === "refused" ? refusedAttempts : attempts)) return undefined;
  const backoff = Math.min(firstMs * 2 ** (attempt - 1), longestMs) * (0.5 + random / 2);
  if (outcome.kind !== "reply") return backoff;
  if (![408, 429, 500, 502, 503, 504].includes(outcome.status)) return undefined;
  const asked = parseRetryAfter(outcome.retryAfter, now);
  if (asked === undefined) return backoff;
  return asked > longestAskedMs ? undefined : Math.max(asked, backoff);
}

/** Milliseconds from now; undefined when there is nothing, or nothing that can be read. */
export function parseRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
