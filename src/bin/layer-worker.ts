// The threads' program where the executable has it inside: beside tare.ts, by a name that the build keeps.
import "../image/unpacking/layer-worker.ts";
