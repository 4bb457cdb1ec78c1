/** How much longer everything takes here than on a real processor: `TARE_TEST_SLOWNESS`, set in a virtual machine. */
export const slowness: number = Number(process.env["TARE_TEST_SLOWNESS"] ?? 1);
