import { Failure } from "../../base/failure.ts";

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * `500m`, `1.5Gi`, `2e3`; undefined for what is none.
 * SPEC: Kubernetes' quantities, without the units above Pi.
 */
export function findQuantity(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{0,9})?|\.\d{1,9})(?:[eE]([+-]?\d{1,2})|([numkMGTP]|[KMGTP]i))?$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, digits = "", exponent = "0", unit = ""] = match;
  return Number(digits) * 10 ** Number(exponent) * (factors[unit] ?? 0);
}

/** Throws Failure("invalid") for what is none; `path` says where it is. */
export function parseQuantity(text: string, path: string): number {
  const value = findQuantity(text);
  if (value === undefined)
    throw new Failure("invalid", `${path}: "${text}" is no quantity, such as 500m or 1.5Gi`);
  return value;
}
