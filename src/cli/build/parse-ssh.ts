import { Failure } from "../../base/failure.ts";

/** An ssh agent of the client; without a path that of `SSH_AUTH_SOCK`. */
export interface SshSource {
  readonly id: string;
  readonly path?: string | undefined;
}

/** The value of `--ssh`: `default`, `ID`, `ID=SOCKET`. Throws "invalid", "unsupported". Pure. */
export function parseSsh(text: string): SshSource {
  const equals = text.indexOf("=");
  const id = equals === -1 ? text : text.slice(0, equals);
  const [path = "", ...more] = equals === -1 ? [] : text.slice(equals + 1).split(",");
  if (id === "") throw new Failure("invalid", `invalid ssh value: ${JSON.stringify(text)}`);
  if (more.length > 0)
    throw new Failure(
      "unsupported",
      "several keys of one ssh id are not supported: add them to an agent (ssh-add) and give its socket",
    );
  return { id, path: path === "" ? undefined : path };
}
