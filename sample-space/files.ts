import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/** A PNG of this size, all of one colour. */
export function toPng(width: number, height: number): Promise<Buffer> {
  return scale(width, height).png().buffer();
}

function scale(width: number, height: number) {
  return new Bun.Image(toBmp(1, 1)).resize(width, height, { fit: "fill" });
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

/** A PNG whose header claims far more than the one dot it has. */
async function toBomb(): Promise<Buffer> {
  const bytes = Buffer.from(await toPng(1, 1));
  bytes.writeUInt32BE(60_000, 16);
  bytes.writeUInt32BE(60_000, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

const GIF = "R0lGODlhAQABAIAAAP8AAP///ywAAAAAAQABAAACAkQBADs=";

/** An image of each kind that people attach, and what only looks like one. */
export async function toImages(): Promise<Record<string, Buffer>> {
  const screenshot = await toPng(2_880, 1_800);
  return {
    "repro.png": screenshot,
    "photo.jpg": await scale(640, 480).jpeg().buffer(),
    "spinner.gif": Buffer.from(GIF, "base64"),
    "sketch.webp": await scale(300, 200).webp().buffer(),
    "old.bmp": toBmp(2, 1),
    "noise.png": await new Bun.Image(toBmp(1_500, 1_500)).png().buffer(),
    "really-an-image.txt": Buffer.concat([
      await toPng(20, 10),
      Buffer.from("<script>"),
    ]),
    "cut.png": screenshot.subarray(0, screenshot.length / 2),
    "magic.png": screenshot.subarray(0, 8),
    "bomb.png": await toBomb(),
  };
}
