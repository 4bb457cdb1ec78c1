import { Codecs } from "../../grpc/codec.ts";
import type { Codings } from "../../grpc/server.ts";
import { messageDescriptors, type Messages, methodTypes } from "./messages.ts";

type Method = keyof typeof methodTypes;

/** The codecs of all messages of BuildKit's services. */
export const codecs: Codecs<Messages> = new Codecs<Messages>(messageDescriptors());

/** The codecs of a method's requests and responses. */
export function codingsOf<Name extends Method>(
  method: Name,
): Codings<Messages[(typeof methodTypes)[Name][0]], Messages[(typeof methodTypes)[Name][1]]> {
  const [request, response]: readonly [(typeof methodTypes)[Name][0], (typeof methodTypes)[Name][1]] =
    methodTypes[method];
  return { request: codecs.of(request), response: codecs.of(response) };
}
