/** A file of settings, or why it could not be read. */
export interface EnvFile {
  text: string;
  /** By name, as the runtime's own parser reads them. */
  variables: Record<string, string | undefined>;
  /** Permissions, such as `0o600`; undefined where nobody could tell. */
  mode?: number;
  /** The owner's number, 0 being root. */
  owner?: number;
  /** Such as `cannot be read (EACCES)`. */
  error?: string;
  /** Nothing is there that was put there to be read. */
  isAbsent?: boolean;
}

/** No file of settings is longer; a device or a wrong path may be endless. */
const MOST_BYTES = 64 * 1024;

/** Reads a regular file of at most 64 KiB; never waits, never throws. */
export async function readEnvFile(path: string): Promise<EnvFile> {
  const empty = { text: "", variables: {} };
  try {
    const { constants, open, stat } = await import("node:fs/promises");
    if (process.platform === "win32") {
      // To open a pipe or a device may already wait there.
      const kind = describeKind(await stat(path));
      if (kind !== undefined) return { ...empty, error: `is ${kind}, no file` };
    }
    const { O_RDONLY, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;
    await using file = await open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    // Of what is open: the path may mean something else by now.
    const stats = await file.stat();
    const about = { mode: stats.mode & 0o777, owner: stats.uid };
    const kind = describeKind(stats);
    if (kind !== undefined) {
      const isAbsent = stats.isDirectory();
      return { ...empty, ...about, isAbsent, error: `is ${kind}, no file` };
    }
    const buffer = new Uint8Array(MOST_BYTES + 1);
    let bytes = 0;
    for (let read = -1; read !== 0 && bytes < buffer.length; bytes += read) {
      read = (await file.read(buffer, bytes)).bytesRead;
    }
    if (bytes > MOST_BYTES) {
      const error = `is larger than ${MOST_BYTES / 1024} KiB, which no file of settings is`;
      return { ...empty, ...about, error };
    }
    const { parseEnv } = await import("node:util");
    // PowerShell's > writes UTF-16.
    const isUtf16 = buffer[0] === 0xff && buffer[1] === 0xfe;
    const text = new TextDecoder(isUtf16 ? "utf-16le" : "utf-8").decode(
      buffer.subarray(0, bytes),
    );
    return { ...about, text, variables: parseEnv(text) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    return {
      ...empty,
      error: `cannot be read (${code})`,
      isAbsent: code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR",
    };
  }
}

type Kinds = Pick<
  import("node:fs").Stats,
  | "isBlockDevice"
  | "isCharacterDevice"
  | "isDirectory"
  | "isFIFO"
  | "isFile"
  | "isSocket"
>;

function describeKind(stats: Kinds): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a pipe (FIFO)";
  return stats.isSocket() ? "a socket" : "a device";
}
