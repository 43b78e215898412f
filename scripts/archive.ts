import { join } from "node:path";
import { type ZipOptions, zipSync } from "fflate";
import { packTar } from "modern-tar";
import { run } from "./build.ts";

/** What an archive holds, by name. */
export type Files = Record<string, Uint8Array>;

export type Level = NonNullable<ZipOptions["level"]>;

// The oldest moment that a zip can name, in whatever zone. Every file carries
// it: an archive that knows when it was made differs each time it is made.
const MODIFIED = new Date(1980, 0, 1);

/** The same bytes each time for the same files. */
export async function tarGz(files: Files, level: Level = 9) {
  // Not Bun.Archive, which writes mode 0644 and the present time.
  const entries = Object.entries(files).map(([name, body]) => {
    const header = { name, size: body.length, mode: toMode(name) };
    return { header: { ...header, mtime: new Date(0) }, body };
  });
  const tar = Buffer.from(await packTar(entries));
  // libdeflate writes neither a time nor a system into the gzip header.
  return Bun.gzipSync(tar, { level, library: "libdeflate" });
}

/** The same bytes each time for the same files. */
export function zip(files: Files, level: Level = 9): Uint8Array {
  const entries = Object.entries(files).map(([name, body]) => {
    // Made on Unix (3), so that the upper half of the attributes is the mode.
    return [name, [body, { os: 3, attrs: toMode(name) << 16 }]];
  });
  return zipSync(Object.fromEntries(entries), { level, mtime: MODIFIED });
}

/** The program alone may be run. */
function toMode(name: string): number {
  return /(^|\/)backlog-mcp(\.exe)?$/.test(name) ? 0o755 : 0o644;
}

/**
 * Unpacks with the system's own tools, as people do: our own reader would
 * forgive our own writer.
 */
export async function unpack(file: string, folder: string): Promise<void> {
  const isWindows = process.platform === "win32";
  if (!isWindows && !file.endsWith(".tar.gz")) {
    await run(["unzip", "-q", file, "-d", folder]);
    return;
  }
  // Windows' own tar reads zip too; the one that Git brings along does not.
  const system = join(process.env.SystemRoot ?? "", "System32", "tar.exe");
  await run([isWindows ? system : "tar", "-xf", file, "-C", folder]);
}
