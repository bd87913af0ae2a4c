// A zip archive of one file (PKWARE APPNOTE 6.3.10: one local header, one in the central directory, its end).

import { crc32, deflateRawSync } from 'node:zlib';

/** 1980-01-01: the same file makes the same bytes. */
const NO_DAY = 0x21;

const u16 = (value) => [value & 0xff, value >> 8];
const u32 = (value) => [...u16(value & 0xffff), ...u16(value >>> 16)];

/** What `produce` made, in an archive. */
export function zipped({ name, rows, data }) {
  const path = Buffer.from(name);
  const packed = deflateRawSync(data);
  const facts = [
    ...[...u16(20), ...u16(0x0800), ...u16(8), ...u16(0), ...u16(NO_DAY)],
    ...[...u32(crc32(data)), ...u32(packed.length), ...u32(data.length), ...u16(path.length), ...u16(0)],
  ];
  const local = [Buffer.from([...u32(0x04034b50), ...facts]), path, packed];
  const offset = local.reduce((sum, part) => sum + part.length, 0);
  const entry = Buffer.from([...u32(0x02014b50), ...u16(20), ...facts, ...Array(14).fill(0)]);
  const length = entry.length + path.length;
  const end = [...u32(0x06054b50), ...u32(0), ...u16(1), ...u16(1), ...u32(length), ...u32(offset), ...u16(0)];
  const archive = Buffer.concat([...local, entry, path, Buffer.from(end)]);
  return {
    name: `${name}.zip`,
    contentType: 'application/zip',
    size: BigInt(archive.length),
    rows,
    data: archive,
  };
}
