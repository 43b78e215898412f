import { mkdir, mkdtemp, realpath, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { toMessage } from "../errors.ts";

/** The folder of the repository. */
export const ROOT = join(import.meta.dir, "..");

/** Where `bun run build` puts the program for the machine at hand. */
export const BINARY = join(
  ROOT,
  "dist",
  process.platform === "win32" ? "backlog-mcp.exe" : "backlog-mcp",
);

/** The one list of flags; why each stands here, with figures, is said below. */
const COMPILE_FLAGS = [
  "--compile",
  // NODE_ENV is inlined at build time, and only this flag makes it "production".
  "--production",
  // Starts in 45 ms instead of 73; esm, since an entry with await needs it.
  "--bytecode",
  "--format=esm",
  // What only a call needs stays unread until there is one: 1 ms and 2 MB.
  "--splitting",
  // Stack traces name our files and lines; the map is embedded.
  "--sourcemap=linked",
  // A start is over before compiling pays: 49 ms of CPU instead of 63. Going
  // back to 1 once connected made first calls slower (16 ms instead of 12) and
  // later ones no faster, so it stays.
  "--compile-jit-policy=8",
  // With these on, a hostile folder runs code in our process (bunfig.toml) or
  // turns TLS checks off and reroutes traffic (.env).
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
  // No code from strings or from disk ever runs, --preload included, and
  // certificates that a company added to the system are trusted.
  "--compile-exec-argv=--disallow-code-generation-from-strings=strict --use-system-ca",
] as const;

/**
 * Compiles the program into `outfile`, for the machine at hand or for a Bun
 * target such as `bun-darwin-arm64`. Throws when no file came of it.
 */
export async function compile(
  outfile: string,
  { target, entry = "index.ts" }: { target?: string; entry?: string } = {},
): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true });
  // Bun leaves copies of the embedded maps beside the program.
  const folder = await mkdtemp(join(dirname(outfile), "build-"));
  // Its name is in the program, which must not tell one build from another.
  const built = join(folder, basename(outfile));
  const words = [...COMPILE_FLAGS, ...(target ? [`--target=${target}`] : [])];
  await run([
    ...[process.execPath, "build", resolve(ROOT, entry)],
    ...[...words, `--outfile=${built}`],
  ]);
  await rename(built, outfile);
  await rm(folder, { recursive: true });
}

/**
 * A folder with a space in its name, gone once it is disposed of, with these
 * files by name in it; one without content is not there.
 */
export async function startFolder(
  files: Record<string, string | Uint8Array | undefined> = {},
) {
  const path = await realpath(await mkdtemp(join(tmpdir(), "backlog mcp ")));
  for (const [name, content] of Object.entries(files)) {
    if (content !== undefined) await Bun.write(join(path, name), content);
  }
  return {
    path,
    at: (name: string) => join(path, name),
    // Windows keeps a program locked for a moment after its end.
    [Symbol.asyncDispose]: () =>
      rm(path, { recursive: true, force: true, maxRetries: 10 }),
  };
}

type Surroundings = { cwd?: string; env?: Record<string, string | undefined> };

/** The command's stdout. Throws with its stderr when it fails. */
export async function run(
  command: readonly string[],
  surroundings: Surroundings = {},
): Promise<string> {
  const { stdout, stderr, code } = await runToEnd(command, surroundings);
  if (code !== 0) {
    throw new Error(`${command.join(" ")} exited ${code}.\n${stdout}${stderr}`);
  }
  return stdout;
}

/** Everything a command says, and its exit code, whatever that is. */
export async function runToEnd(
  command: readonly string[],
  { cwd = ROOT, env = process.env }: Surroundings = {},
): Promise<{ stdout: string; stderr: string; code: number }> {
  const child = Bun.spawn([...command], { cwd, env, stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}

/** Ends a script that fails with what went wrong, in a line. */
export function fail(error: unknown): void {
  console.error(toMessage(error));
  process.exitCode = 1;
}

if (import.meta.main) {
  await compile(BINARY);
  await run([BINARY, "--version"]);
}
