import assert from "node:assert/strict";
import test from "node:test";
import { isPublicAddress } from "./address-rules.js";

test("addresses of the machine, of private networks, of metadata services and of groups are not public", () => {
  for (const address of [
    ...["0.0.0.0", "127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    ...["169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1"],
    ...["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
    ...["::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "100::1"],
    ...["2001:db8::1", "2001::1", "2002:7f00:1::1", "::127.0.0.1", "64:ff9b:1::1", "3fff::1"],
  ]) {
    assert.equal(isPublicAddress(address), false, address);
  }
});

test("an IPv4 address inside an IPv6 address is judged as what it is", () => {
  for (const address of [
    ...["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254", "0:0:0:0:0:ffff:0a00:0001"],
    ...["64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "::ffff:0:0"],
  ]) {
    assert.equal(isPublicAddress(address), false, address);
  }
  assert.equal(isPublicAddress("::ffff:8.8.8.8"), true);
  assert.equal(isPublicAddress("64:ff9b::808:808"), true);
});

test("all other addresses are public, and text that is none is not", () => {
  for (const address of ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111", "2a00:1450::200e"]) {
    assert.equal(isPublicAddress(address), true, address);
  }
  for (const text of ["", "localhost", "example.com", "1.2.3", "::g"]) assert.equal(isPublicAddress(text), false, text);
});
