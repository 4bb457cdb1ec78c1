import { parseSecretRequest } from "../../api/secret/secret-request.ts";
import type { Call, Handlers } from "../handler.ts";
import { secretOf } from "../map/secret.ts";

export const handlers: Handlers = {
  "secrets.list": async ({ engine, query, reply }: Call) => {
    const found = await engine.secrets.list({ filters: query.filters() });
    reply.json(
      200,
      found.map((secret) => secretOf(secret)),
    );
  },

  "secrets.create": async ({ engine, body, reply }: Call) => {
    const { Name, Driver, Labels, Replace, value } = parseSecretRequest(body);
    const made = await engine.secrets.create({
      name: Name,
      value,
      driver: Driver,
      labels: Labels ?? undefined,
      replace: Replace,
    });
    reply.json(201, secretOf(made));
  },

  "secrets.inspect": async ({ engine, params, query, reply }: Call) => {
    const details = await engine.secrets.inspect(params["name"] ?? "");
    const value = query.boolean("showsecret") ? await engine.secrets.read(details.id) : undefined;
    reply.json(200, secretOf(details, value));
  },

  "secrets.remove": async ({ engine, params, reply }: Call) => {
    reply.json(200, { ID: await engine.secrets.remove(params["name"] ?? "") });
  },
};
