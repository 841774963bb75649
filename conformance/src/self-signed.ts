import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A certificate and its key, both in PEM. */
export interface TlsPair {
  readonly key: string;
  readonly cert: string;
}

const SECOND_MS = 1000;
const DAY_MS = 86_400 * SECOND_MS;
const OID_ECDSA_WITH_SHA256 = "2a8648ce3d040302";
const OID_COMMON_NAME = "550403";
const OID_BASIC_CONSTRAINTS = "551d13";
const OID_SUBJECT_ALT_NAME = "551d11";

/** Makes a key and a certificate for localhost and 127.0.0.1 that is its own authority, good for two days. */
export function makeSelfSigned(): TlsPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(oid(OID_ECDSA_WITH_SHA256));
  const name = sequence(set(sequence(oid(OID_COMMON_NAME), tlv(0x0c, Buffer.from("localhost")))));
  const validity = sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS));
  const extensions = sequence(
    sequence(
      oid(OID_BASIC_CONSTRAINTS),
      tlv(0x01, Buffer.from([0xff])),
      octets(sequence(tlv(0x01, Buffer.from([0xff])))),
    ),
    sequence(
      oid(OID_SUBJECT_ALT_NAME),
      octets(sequence(tlv(0x82, Buffer.from("localhost")), tlv(0x87, Buffer.from([127, 0, 0, 1])))),
    ),
  );
  const toBeSigned = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    // The first bit stays clear, so that the number is positive.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    name,
    validity,
    name,
    createPublicKey(publicKey.export({ format: "pem", type: "spki" })).export({ format: "der", type: "spki" }),
    tlv(0xa3, extensions),
  );
  const signature = sign("sha256", toBeSigned, createPrivateKey(privateKey.export({ format: "pem", type: "pkcs8" })));
  const certificate = sequence(toBeSigned, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const base64 = certificate.toString("base64").replace(/.{64}/g, "$&\n");
  return {
    key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}

// DER: a tag, a length, a value.
function tlv(tag: number, value: Buffer): Buffer {
  const size = value.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}
const sequence = (...items: Buffer[]): Buffer => tlv(0x30, Buffer.concat(items));
const set = (...items: Buffer[]): Buffer => tlv(0x31, Buffer.concat(items));
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes);
const octets = (bytes: Buffer): Buffer => tlv(0x04, bytes);
const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, "hex"));
/** YYMMDDHHMMSSZ */
const utcTime = (atMs: number): Buffer =>
  tlv(0x17, Buffer.from(`${new Date(atMs).toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));
