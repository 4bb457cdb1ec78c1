import type { BuildFailure, BuildMessage } from "../../api/types/build.ts";
import { failureOf } from "../../base/failure.ts";
import type { BuildExport, BuildProgress, BuiltImage } from "../../model/builds.ts";

/** Progress as a line of `POST /tare/builds`; undefined: clients of that route do not need it. */
export function buildMessageOf(event: BuildProgress): BuildMessage | undefined {
  switch (event.kind) {
    case "steps":
      return undefined;
    case "vertex": {
      const { id, inputs, name, startedAtMs, completedAtMs, cached, error } = event;
      return {
        Vertex: {
          Id: id,
          Inputs: inputs,
          Name: name,
          StartedAt: startedAtMs,
          CompletedAt: completedAtMs,
          Cached: cached,
          Error: error,
        },
      };
    }
    case "log": {
      const { vertex, stream, atMs, bytes } = event;
      return {
        Log: { Vertex: vertex, Stream: stream, At: atMs, Data: Buffer.from(bytes).toString("base64") },
      };
    }
    case "status": {
      const { vertex, id, current, total, startedAtMs, completedAtMs } = event;
      return {
        Status: {
          Vertex: vertex,
          Id: id,
          Current: current,
          Total: total,
          StartedAt: startedAtMs,
          CompletedAt: completedAtMs,
        },
      };
    }
    case "warning": {
      const { vertex, short, detail, url, startLine, endLine } = event;
      return {
        Warning: {
          Vertex: vertex,
          Short: short,
          Detail: detail,
          Url: url,
          StartLine: startLine,
          EndLine: endLine,
        },
      };
    }
    default:
      return event satisfies never;
  }
}

/** `exported`: what was pushed or archived. */
export function buildResultOf(
  images: readonly BuiltImage[],
  exported: BuildExport["root"] | undefined,
): BuildMessage {
  return {
    Result: {
      Exported: exported && {
        Digest: exported.digest,
        MediaType: exported.mediaType,
        Size: exported.size,
      },
      Images: images.map(({ platform, id, manifest }) => ({
        Platform: platform,
        Id: id,
        Digest: manifest.digest,
        MediaType: manifest.mediaType,
        Size: manifest.size,
      })),
    },
  };
}

export function buildFailureOf(thrown: unknown): BuildFailure {
  const { kind, message, details } = failureOf(thrown);
  return {
    Kind: kind,
    Message: message,
    Line: details.line,
    EndLine: details.endLine,
    Vertex: details.vertex,
    ExitCode: details.exitCode,
    Excerpt: details.excerpt,
  };
}
