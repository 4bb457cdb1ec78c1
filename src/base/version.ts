/** The version of this source, as package.json has it. */
export const version = "0.2.0";
