/** The machines that Tare runs on. What differs between them is a table with a member for each. */
export type MachineArchitecture = "x86_64" | "arm64";

/** The machine that this runs on. */
export const architecture: MachineArchitecture = process.arch === "arm64" ? "arm64" : "x86_64";
