import { randomBytes } from "node:crypto";
import { crc32, gzipSync } from "node:zlib";
import { byKey, type SpaceData } from "./shapes.ts";

/** One dot, which every larger image here is made of. */
const DOT = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
  "base64",
);
const GIF = Buffer.from(
  "R0lGODlhAQABAIAAAP8AAP///ywAAAAAAQABAAACAkQBADs=",
  "base64",
);

/** A PNG of this size, all of one colour. */
export function toPng(width: number, height: number): Promise<Buffer> {
  return scale(DOT, width, height).png().buffer();
}

/** A PNG whose header claims far more than its one dot. */
function toBomb(): Buffer {
  const bytes = Buffer.from(DOT);
  bytes.writeUInt32BE(60_000, 16);
  bytes.writeUInt32BE(60_000, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

/** An uncompressed image of noise, which no format makes much smaller. */
function toBmp(width: number, height: number): Buffer {
  const head = "424d00000000000000003600000028000000000000000000000001001800";
  const header = Buffer.concat([Buffer.from(head, "hex"), Buffer.alloc(24)]);
  header.writeUInt32LE(width, 18);
  header.writeUInt32LE(height, 22);
  const rowSize = Math.ceil((width * 3) / 4) * 4;
  return Buffer.concat([header, randomBytes(rowSize * height)]);
}

function scale(bytes: Uint8Array, width: number, height: number) {
  return new Bun.Image(bytes).resize(width, height, { fit: "fill" });
}

const SENTENCE = "カートの金額が合いません。";
// The same sentence in the encodings that Japan has; nothing here writes them.
const SHIFT_JIS = "834a815b836782cc8be08a7a82aa8d8782a282dc82b982f18142";
const EUC_JP = "a5aba1bca5c8a4ceb6e2b3dba4acb9e7a4a4a4dea4bba4f3a1a3";
const ISO_2022_JP =
  "1b2442252b213c2548244e3662335b242c39672424245e243b247321231b2842";

/** A file of each kind that people attach, by its name. */
export async function toFiles(): Promise<Record<string, Buffer>> {
  const screenshot = await toPng(2_880, 1_800);
  return {
    "repro.png": screenshot,
    "photo.jpg": await scale(DOT, 640, 480).jpeg().buffer(),
    "spinner.gif": GIF,
    "sketch.webp": await scale(DOT, 300, 200).webp().buffer(),
    "old.bmp": toBmp(2, 1),
    "noise.png": await new Bun.Image(toBmp(1_500, 1_500)).png().buffer(),
    "cut.png": screenshot.subarray(0, screenshot.length / 2),
    "magic.png": screenshot.subarray(0, 8),
    "bomb.png": toBomb(),
    "orders.csv": Buffer.concat([
      Buffer.from("1,"),
      Buffer.from(SHIFT_JIS, "hex"),
      Buffer.from("\n2,OK\n"),
    ]),
    "orders-euc.csv": Buffer.from(EUC_JP, "hex"),
    "mail.txt": Buffer.from(ISO_2022_JP, "hex"),
    "utf8.txt": Buffer.from(`\ufeff${SENTENCE}`),
    "bare.log": Buffer.from("GET /cart 500\r\n", "utf16le"),
    "shape.svg": Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "report.pdf": Buffer.from("%PDF-1.7\nplain letters\n"),
    "table.xlsx": Buffer.from(
      "PK\u0003\u0004\u0000\u0000xl/workbook.xml\u0000",
      "latin1",
    ),
    "bomb.zip": Buffer.concat([
      Buffer.from("PK\u0003\u0004"),
      gzipSync(Buffer.alloc(1_000_000)),
    ]),
    "data.bin": Buffer.from([0, 1, 2, 3, 0xff, 0xfe, 0xfd]),
    "empty.txt": Buffer.alloc(0),
    "really-an-image.txt": Buffer.concat([
      await toPng(20, 10),
      Buffer.from("<script>"),
    ]),
    "notes.png": Buffer.from("not an image at all\n"),
    "画面か\u3099そう.txt": Buffer.from("decomposed\n"),
  };
}

/** Adds files to an issue that has none, their IDs from 9001. */
export function attach(
  data: SpaceData,
  issueKey: string,
  files: Record<string, Buffer | (() => Response)>,
): void {
  const { created, createdUser, attachments } = byKey(data, issueKey);
  for (const [name, content] of Object.entries(files)) {
    const id = 9_001 + attachments.length;
    const isBytes = Buffer.isBuffer(content);
    const size = isBytes ? content.byteLength : 1_000;
    attachments.push({ id, name, size, created, createdUser });
    data.files.set(id, isBytes ? () => new Response(content) : content);
  }
}
