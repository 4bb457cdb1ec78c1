import { Failure } from "../../base/failure.ts";

/** The Failure for a network that can never be made as asked. */
export function refuseNetwork(name: string, detail: string): Failure {
  return new Failure("invalid", `cannot create network ${quoted(name)}: ${detail}`);
}

/** Right in itself, but something there is in the way. */
export function networkInTheWay(name: string, detail: string): Failure {
  return new Failure("conflict", `cannot create network ${quoted(name)}: ${detail}`);
}

export function networkNotFound(reference: string): Failure {
  return new Failure("not-found", `cannot find network ${quoted(reference)}`, {
    details: { network: reference },
  });
}

/** A name for a sentence. */
export function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
