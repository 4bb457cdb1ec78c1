import type { ProgressMessage } from "../../api/types/progress.ts";
import type { ImageProgress } from "../../engine/image-types.ts";

/** One line of `load`. */
export function progressMessageOf(progress: ImageProgress): ProgressMessage {
  switch (progress.kind) {
    case "layer": {
      const { id, action, currentBytes, totalBytes } = progress;
      const progressDetail = {
        current: currentBytes,
        ...(totalBytes === undefined ? {} : { total: totalBytes }),
      };
      return { status: action, progressDetail, id };
    }
    case "loaded": {
      const text = progress.reference === undefined ? `ID: ${progress.id}` : `: ${progress.reference}`;
      return { stream: `Loaded image${progress.reference === undefined ? " " : ""}${text}\n` };
    }
    case "message":
      return { stream: `${progress.text}\n` };
    default:
      return progress satisfies never;
  }
}
