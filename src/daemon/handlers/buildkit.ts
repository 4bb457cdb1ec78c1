import { Failure } from "../../base/failure.ts";
import type { Call, Handlers } from "../handler.ts";

/** BuildKit's protocol: the connection is taken over, and HTTP/2 begins on it. */
export const handlers: Handlers = {
  "buildkit.grpc": async (call) => {
    const buildKit = await open(call);
    buildKit.accept(call.reply.switchProtocols(handshake));
  },
  "buildkit.session": async (call) => {
    const buildKit = await open(call);
    const { headers } = call.request.head;
    // Repeated headers are joined by a comma, which is in none of their values.
    const values = (name: string): readonly string[] => headers.get(name)?.split(", ") ?? [];
    buildKit.admitSession(values);
    buildKit.acceptSession(call.reply.switchProtocols(handshake), values);
  },
};

const handshake = { Connection: "Upgrade", Upgrade: "h2c" };

async function open({ buildKit, reply, request }: Call): ReturnType<NonNullable<Call["buildKit"]>> {
  if (buildKit === undefined) throw new Failure("unsupported", "builds are not supported yet");
  const protocol = request.header("upgrade") ?? "";
  if (!reply.isUpgrade || protocol.toLowerCase() !== "h2c")
    throw new Failure(
      "invalid",
      protocol === "" ? "no upgrade proto in request" : `protocol ${protocol} not supported`,
    );
  return await buildKit();
}
