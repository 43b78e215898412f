import { join } from "node:path";
import { run } from "./build.ts";

/** One file of an archive. */
export type Entry = {
  name: string;
  content: Uint8Array;
  executable?: boolean;
};

type Level = NonNullable<Bun.LibdeflateCompressionOptions["level"]>;

// The oldest moment a zip can name. Every file carries it: an archive that
// knows when it was made differs each time it is made.
const MODIFIED_SECONDS = Date.UTC(1980, 0, 1) / 1000;
const ZIP_DATE = (1 << 5) | 1;

const TAR_BLOCK = 512;
const TAR_NAME_BYTES = 100;

/** The same bytes each time for the same entries. */
export function tarGz(entries: readonly Entry[], level: Level = 9): Uint8Array {
  const blocks = entries.flatMap((entry) => [
    tarHeader(entry),
    entry.content,
    Buffer.alloc(-entry.content.length & (TAR_BLOCK - 1)),
  ]);
  // Two empty blocks end a tar.
  const tar = Buffer.concat([...blocks, Buffer.alloc(2 * TAR_BLOCK)]);
  // libdeflate writes neither a time nor a system into the gzip header.
  return Bun.gzipSync(tar, { level, library: "libdeflate" });
}

// Bun.Archive would write 0644 for every file, and a program must be 0755.
function tarHeader({ name, content, executable }: Entry): Buffer {
  if (Buffer.byteLength(name) > TAR_NAME_BYTES) {
    throw new Error(`${name} is too long a name for a tar header.`);
  }
  const header = Buffer.alloc(TAR_BLOCK);
  header.write(name, 0);
  header.write(`${octal(executable ? 0o755 : 0o644, 7)}\0`, 100);
  header.write(`${octal(0, 7)}\0`, 108);
  header.write(`${octal(0, 7)}\0`, 116);
  header.write(`${octal(content.length, 11)}\0`, 124);
  header.write(`${octal(MODIFIED_SECONDS, 11)}\0`, 136);
  // The sum is taken with its own field full of spaces.
  header.fill(" ", 148, 156);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0`, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** The same bytes each time for the same entries. */
export function zip(entries: readonly Entry[], level: Level = 9): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const data = Bun.deflateSync(Buffer.from(entry.content), {
      level,
      library: "libdeflate",
    });
    const facts = zipFacts(entry, data.length);
    const local = Buffer.concat([uint32(0x04034b50), facts, name]);
    directory.push(zipDirectoryEntry(entry, facts, offset), name);
    parts.push(local, data);
    offset += local.length + data.length;
  }
  const size = directory.reduce((total, part) => total + part.length, 0);
  const end = Buffer.concat([
    uint32(0x06054b50),
    uint16(0, 0, entries.length, entries.length),
    uint32(size, offset),
    uint16(0),
  ]);
  return Buffer.concat([...parts, ...directory, end]);
}

// What a zip says of a file twice, before the file and in the directory:
// version, flags (names are UTF-8), deflate, time, date, sum, sizes, lengths.
function zipFacts({ name, content }: Entry, compressedSize: number): Buffer {
  return Buffer.concat([
    uint16(20, 0x0800, 8, 0, ZIP_DATE),
    uint32(Bun.hash.crc32(content), compressedSize, content.length),
    uint16(Buffer.byteLength(name), 0),
  ]);
}

function zipDirectoryEntry(
  { executable }: Entry,
  facts: Buffer,
  offset: number,
): Buffer {
  // Made on Unix (3), so that the upper half of the attributes is the mode.
  const attributes = (0o100000 | (executable ? 0o755 : 0o644)) * 0x10000;
  return Buffer.concat([
    uint32(0x02014b50),
    uint16((3 << 8) | 20),
    facts,
    uint16(0, 0, 0),
    uint32(attributes, offset),
  ]);
}

function uint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => {
    bytes.writeUInt16LE(value, 2 * index);
  });
  return bytes;
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => {
    bytes.writeUInt32LE(value, 4 * index);
  });
  return bytes;
}

/**
 * Unpacks with the system's own tools, as people do: our own reader would
 * forgive our own writer.
 */
export async function unpack(file: string, folder: string): Promise<void> {
  // Windows' own tar reads zip too; the one that Git brings along does not.
  const tar =
    process.platform === "win32"
      ? join(process.env.SystemRoot ?? "", "System32", "tar.exe")
      : "tar";
  if (file.endsWith(".tar.gz") || process.platform === "win32") {
    await run([tar, "-xf", file, "-C", folder]);
  } else {
    await run(["unzip", "-q", file, "-d", folder]);
  }
}
