const vendorOrClass = /^[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const deviceName = /^[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/** `vendor.com/class`. SPEC: Container Device Interface, SPEC.md, "Kind". */
export function isCdiKind(text: string): boolean {
  const [vendor = "", ofClass = "", ...rest] = text.split("/");
  return rest.length === 0 && vendorOrClass.test(vendor) && vendorOrClass.test(ofClass);
}

/** The part of a device's name after the `=`. SPEC: as above, "CDI Devices". */
export function isCdiDeviceName(text: string): boolean {
  return deviceName.test(text);
}

/** `vendor.com/class=name`. */
export function isCdiName(text: string): boolean {
  const equals = text.indexOf("=");
  return equals > 0 && isCdiKind(text.slice(0, equals)) && isCdiDeviceName(text.slice(equals + 1));
}

/** A CDI device, or several, that a step of a build asks for. */
export interface RunDevice {
  /** `vendor.com/class=name`, `vendor.com/class=*`, `vendor.com/class` (the first of them), or a class of devices. */
  readonly name: string;
  /** The build fails where there is none; otherwise the step runs without it. */
  readonly required: boolean;
}
