import { join } from "node:path";
import { type ZipOptions, type Zippable, zipSync } from "fflate";
import { packTar } from "modern-tar";
import { run } from "./build.ts";

/** One file of an archive. */
export type Entry = {
  name: string;
  content: Uint8Array;
  executable?: boolean;
};

export type Level = NonNullable<ZipOptions["level"]>;

// The oldest moment that a zip can name. Every file carries it: an archive
// that knows when it was made differs each time it is made.
const MODIFIED = new Date(1980, 0, 1);

/** The same bytes each time for the same entries. */
export async function tarGz(
  entries: readonly Entry[],
  level: Level = 9,
): Promise<Uint8Array> {
  // Not Bun.Archive, which writes mode 0644 and the present time.
  const files = entries.map(({ name, content, executable }) => {
    const file = { name, size: content.length, mode: toMode(executable) };
    return { header: { ...file, mtime: new Date(0) }, body: content };
  });
  const tar = Buffer.from(await packTar(files));
  // libdeflate writes neither a time nor a system into the gzip header.
  return Bun.gzipSync(tar, { level, library: "libdeflate" });
}

/** The same bytes each time for the same entries. */
export function zip(entries: readonly Entry[], level: Level = 9): Uint8Array {
  const files: Zippable = {};
  for (const { name, content, executable } of entries) {
    // Made on Unix (3), so that the upper half of the attributes is the mode.
    files[name] = [content, { os: 3, attrs: toMode(executable) << 16 }];
  }
  return zipSync(files, { level, mtime: MODIFIED });
}

function toMode(executable = false): number {
  return executable ? 0o755 : 0o644;
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
