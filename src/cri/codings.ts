import { Codecs, type Sendable } from "../grpc/codec.ts";
import type { Codings, GrpcServer, Send, ServerCall } from "../grpc/server.ts";
import { messageDescriptors, type Messages, methodTypes } from "./messages.ts";

/** `runtime.v1.RuntimeService/Version` */
export type Method = keyof typeof methodTypes;

/** A message as it was received, by its name without the package. */
export type Message<Name extends string> = Messages[keyof Messages & `runtime.v1.${Name}`];

/** A message to be sent, by its name without the package. */
export type Reply<Name extends string> = Sendable<Message<Name>>;

type Request<Name extends Method> = Messages[(typeof methodTypes)[Name][0]];
type Response<Name extends Method> = Messages[(typeof methodTypes)[Name][1]];

const codecs: Codecs<Messages> = new Codecs<Messages>(messageDescriptors());

/** The codecs of a method's requests and responses. */
export function codingsOf<Name extends Method>(method: Name): Codings<Request<Name>, Response<Name>> {
  const [request, response]: readonly [(typeof methodTypes)[Name][0], (typeof methodTypes)[Name][1]] =
    methodTypes[method];
  return { request: codecs.of(request), response: codecs.of(response) };
}

/** Registers a method with one request and one response. */
export function unary<Name extends Method>(
  server: GrpcServer,
  method: Name,
  handler: (request: Request<Name>, call: ServerCall) => Promise<Sendable<Response<Name>>>,
): void {
  server.unary(`/${method}`, codingsOf(method), handler);
}

/** Registers a method with one request and any number of responses. */
export function serverStream<Name extends Method>(
  server: GrpcServer,
  method: Name,
  handler: (request: Request<Name>, send: Send<Response<Name>>, call: ServerCall) => Promise<void>,
): void {
  server.serverStream(`/${method}`, codingsOf(method), (request, { call, send }) =>
    handler(request, send, call),
  );
}
