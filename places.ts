import { listSecrets } from "./redact.ts";

/** What `.env.example` says in the places to fill in: as good as nothing. */
export const PLACEHOLDERS = {
  BACKLOG_API_KEY: "your-api-key",
  BACKLOG_DOMAIN: "your-space.backlog.com",
} as const;

const VARIABLES = [
  "BACKLOG_API_KEY",
  "BACKLOG_DOMAIN",
  "USER_ID",
  "BACKLOG_PROJECTS",
] as const;
type Variables = Record<string, string | undefined>;
export type Values = Partial<Record<(typeof VARIABLES)[number], string>>;

export const ENVIRONMENT = "the environment";

/** Where settings are looked for. */
export interface Places {
  environment: Variables;
  /** Named by `--env-file`. */
  envFile?: string | undefined;
  /** The usual `.env` files, in order, the user's own first. */
  usualFiles: () => Promise<string[]>;
  /** The company's; it counts where its owner (0 is root) has it alone. */
  managedFile?: { path: string; owner: number } | undefined;
}

/** What one of them holds. */
export interface Place {
  /** `the environment`, or the file's path; empty where there is none. */
  source: string;
  values: Values;
  /** What looks like a mistake and stops nothing: a sentence each. */
  notes: string[];
  /** That others may read the key in it: a sentence. */
  exposed?: string;
  /** Whatever may be a key, wherever it was put. */
  secrets: string[];
  /** Why it could not be read. */
  problem?: string;
  /** Nothing is there that was put there to be read. */
  isAbsent?: boolean;
}

export const NOWHERE: Place = {
  source: "",
  values: {},
  notes: [],
  secrets: [],
};

/** Our names only; what was never filled in counts as not set. */
export function toPlace(source: string, variables: Variables): Place {
  const values: Values = {};
  const notes: string[] = [];
  for (const name of VARIABLES) {
    const value = variables[name]
      ?.trim()
      .replace(/^(["'])(.*)\1$/, "$2")
      .trim();
    if (value === undefined) continue;
    const unset = describeUnset(name, value);
    if (unset === undefined) values[name] = value;
    // The forms of some clients leave it so where nothing was filled in.
    else if (name !== "USER_ID") {
      notes.push(`${name} of ${source} ${unset}, so it counts as not set.`);
    }
  }
  for (const [name, meant] of listMisspelt(variables)) {
    notes.push(`${name} of ${source} is read by nothing; use ${meant}.`);
  }
  return { source, values, notes, secrets: listSecrets(variables) };
}

function describeUnset(name: string, value: string): string | undefined {
  if (value === "") return "is empty";
  if (value.includes("${")) return "holds a variable that nothing filled in";
  return new Map(Object.entries(PLACEHOLDERS)).get(name) === value
    ? "still holds the placeholder of .env.example"
    : undefined;
}

const MEANT = [
  [/^BACKLOG.*PROJ/i, "BACKLOG_PROJECTS"],
  [/^(?:BACKLOG_?)?USER_?ID$/i, "USER_ID"],
  [/^BACKLOG.*(?:KEY|TOKEN)/i, "BACKLOG_API_KEY"],
  [/^BACKLOG.*(?:DOMAIN|HOST|SPACE|URL)/i, "BACKLOG_DOMAIN"],
] as const;

function listMisspelt(variables: Variables): (readonly [string, string])[] {
  return Object.keys(variables).flatMap((name) => {
    const [, meant] = MEANT.find(([shape]) => shape.test(name)) ?? [];
    return meant && variables[meant] === undefined && /^\w{1,60}$/.test(name)
      ? [[name, meant] as const]
      : [];
  });
}

export function isConfigured({ values }: Pick<Place, "values">): boolean {
  return Boolean(values.BACKLOG_API_KEY ?? values.BACKLOG_DOMAIN);
}

/**
 * Reads the places in their order until one has a key or a domain: `place`.
 * `limiting` are those that may restrict it, `seen` are all that were read.
 */
export async function readPlaces(places: Places, only?: string) {
  const environment = toPlace(ENVIRONMENT, places.environment);
  const { envFile } = places;
  const usualFiles = await places.usualFiles();
  const named =
    envFile === undefined
      ? []
      : [await readPlace(envFile, ", named by --env-file,")];
  const own = await Promise.all(
    usualFiles.slice(0, 1).map((path) => readPlace(path)),
  );
  const seen = [environment, ...named, ...own];
  const read = async (path: string) => {
    const place =
      seen.find(({ source }) => source === path) ?? (await readPlace(path));
    if (!seen.includes(place)) seen.push(place);
    return place;
  };
  const find = async (): Promise<Place> => {
    if (only !== undefined) return read(only);
    if (isConfigured(environment)) return environment;
    const [first] = named;
    if (first !== undefined) return first;
    for (const path of usualFiles) {
      const place = await read(path);
      // Somebody put it there to be read: passing it over would surprise.
      const isUnreadable = place.problem !== undefined && !place.isAbsent;
      if (isUnreadable || isConfigured(place)) return place;
    }
    return NOWHERE;
  };
  const place = await find();
  const limiting = [...new Set([environment, ...named, ...own, place])];
  if (place === NOWHERE || place.isAbsent) {
    const paths = envFile === undefined ? usualFiles : [envFile];
    const notes = await listWrongEndings(paths);
    seen.push({ ...NOWHERE, notes });
  }
  return { environment, place, limiting, seen };
}

/** A file of settings; `named` says where it was named. Never waits or throws. */
async function readPlace(path: string, named = ""): Promise<Place> {
  const file = await readEnvFile(path);
  const place = toPlace(path, file.variables);
  const { error, isAbsent = false, mode = 0 } = file;
  if (error) return { ...place, problem: `${path}${named} ${error}`, isAbsent };
  // On Windows the mode tells nothing.
  const isOpen = process.platform !== "win32" && (mode & 0o077) !== 0;
  if (!isOpen || !place.values.BACKLOG_API_KEY) return place;
  const exposed = `${path} holds a key, and others on this computer may read it (mode ${mode.toString(8)}): chmod 600 keeps it yours.`;
  return { ...place, exposed };
}

/** Windows hides how a name ends, and its editor ends each with .txt. */
async function listWrongEndings(paths: readonly string[]) {
  const notes = paths.map(async (path) => {
    const { isAbsent } = await readEnvFile(`${path}.txt`);
    return isAbsent
      ? []
      : [
          `${path}.txt is there, but only ${path} is read: take .txt off its name.`,
        ];
  });
  return (await Promise.all(notes)).flat();
}

/** The company's place, or why it does not count. */
export interface Managed extends Place {
  /** A sentence. */
  passedOver?: string;
}

/** Where the company's settings stand; on Windows nowhere. */
export function toManagedFile(platform: string) {
  const folder = new Map([
    ["linux", "/etc"],
    ["darwin", "/Library/Application Support"],
  ]).get(platform);
  const path = `${folder}/backlog-mcp/managed.env`;
  return folder === undefined ? undefined : { path, owner: 0 };
}

/**
 * It counts only if its owner has it alone. One that does is understood to the
 * last line, or has a problem, so that a slip of the pen restricts no less.
 */
export async function readManaged(
  file: Places["managedFile"],
): Promise<Managed | undefined> {
  if (file === undefined) return undefined;
  const { path } = file;
  const { text, variables, error, ...read } = await readEnvFile(path);
  const about = read.owner === undefined ? await readOwner(path) : read;
  if (about === "absent") return undefined;
  const place: Managed = toPlace(path, variables);
  const { owner, mode = 0 } = about;
  const passedOver =
    owner !== undefined && owner !== file.owner
      ? "it does not belong to root"
      : (mode & 0o022) !== 0
        ? `others than root may write to it (mode ${mode.toString(8)})`
        : undefined;
  if (passedOver !== undefined) {
    return { ...NOWHERE, passedOver: `${path} does not count: ${passedOver}.` };
  }
  const problem = error ?? findManagedProblem(text, place.values);
  return problem === undefined
    ? place
    : { ...place, problem: `${path}, this computer's own, ${problem}` };
}

/** Of a file that could not be opened; unknown where even that is refused. */
async function readOwner(path: string): Promise<"absent" | Partial<Stats>> {
  const { statSync } = await import("node:fs");
  try {
    const { uid, mode } = statSync(path);
    return { owner: uid, mode: mode & 0o777 };
  } catch (error) {
    return isMissing(error) ? "absent" : {};
  }
}

const MANAGED_LINE = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/;

function findManagedProblem(text: string, values: Values): string | undefined {
  const names = new Set<string>();
  for (const line of text.split(/\r\n?|\n/)) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, name] = MANAGED_LINE.exec(line) ?? [];
    if (name === undefined) return "has a line that is no NAME=VALUE";
    if (name === "BACKLOG_API_KEY")
      return "holds a key, which is each user's own";
    if (name !== "BACKLOG_DOMAIN" && name !== "BACKLOG_PROJECTS") {
      return "holds more than BACKLOG_DOMAIN and BACKLOG_PROJECTS";
    }
    if (names.has(name)) return `sets ${name} twice`;
    if (values[name] === undefined) return `leaves ${name} to be filled in`;
    names.add(name);
  }
  return names.size > 0 ? undefined : "sets nothing";
}

/** A file as it was read, or why it could not be. */
interface EnvFile extends Partial<Stats> {
  text: string;
  /** By name, as the runtime's own parser reads them. */
  variables: Variables;
  /** Such as `cannot be read (EACCES)`. */
  error?: string;
  isAbsent?: boolean;
}

interface Stats {
  /** Permissions, such as `0o600`. */
  mode: number;
  /** The owner's number, 0 being root. */
  owner: number;
}

/** No file of settings is longer; a device or a wrong path may be endless. */
const MOST_BYTES = 64 * 1024;

/** Reads a regular file of at most 64 KiB; never waits, never throws. */
async function readEnvFile(path: string): Promise<EnvFile> {
  const empty = { text: "", variables: {} };
  try {
    // Synchronous: its promises begin a thread, which on a busy machine takes
    // as long as all the rest of a start. What is opened so makes nobody wait.
    const { closeSync, constants, fstatSync, openSync, readSync, statSync } =
      await import("node:fs");
    if (process.platform === "win32") {
      // To open a pipe or a device may already wait there.
      const refused = refuse(statSync(path));
      if (refused) return { ...empty, ...refused };
    }
    const { O_RDONLY, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;
    const file = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    using _ = { [Symbol.dispose]: () => closeSync(file) };
    // Of what is open: the path may mean something else by now.
    const stats = fstatSync(file);
    const about = { mode: stats.mode & 0o777, owner: stats.uid };
    const refused = refuse(stats);
    if (refused) return { ...empty, ...about, ...refused };
    const buffer = new Uint8Array(MOST_BYTES + 1);
    let bytes = 0;
    for (let read = -1; read !== 0 && bytes < buffer.length; bytes += read) {
      read = readSync(file, buffer, { offset: bytes });
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
    return {
      ...empty,
      error: `cannot be read (${toCode(error)})`,
      isAbsent: isMissing(error),
    };
  }
}

function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR"].includes(toCode(error));
}

function toCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : error;
  return String(code);
}

type Kinds = Pick<
  import("node:fs").Stats,
  "isDirectory" | "isFIFO" | "isFile" | "isSocket"
>;

function refuse(stats: Kinds): Pick<EnvFile, "error" | "isAbsent"> | undefined {
  if (stats.isFile()) return undefined;
  // A folder of that name is somebody's, and was not meant for us.
  if (stats.isDirectory())
    return { error: "is a folder, no file", isAbsent: true };
  const kind = stats.isFIFO()
    ? "pipe (FIFO)"
    : stats.isSocket()
      ? "socket"
      : "device";
  return { error: `is a ${kind}, no file` };
}

/** The usual `.env` files: the user's folder, the program's, this one. */
export async function listUsualFiles(
  environment: Record<string, string | undefined>,
  platform: string = process.platform,
): Promise<string[]> {
  const isWindows = platform === "win32";
  // Loading node:path takes half a megabyte.
  const separator = isWindows ? "\\" : "/";
  const join = (...parts: string[]) => parts.join(separator);
  const home = environment.HOME || (await import("node:os")).homedir();
  const xdg = environment.XDG_CONFIG_HOME ?? "";
  const folder = isWindows
    ? environment.APPDATA || join(home, "AppData", "Roaming")
    : xdg.startsWith("/")
      ? xdg
      : join(home, ".config");
  const { execPath } = process;
  return [
    join(folder, "backlog-mcp", ".env"),
    join(execPath.slice(0, execPath.lastIndexOf(separator)), ".env"),
    join(process.cwd(), ".env"),
  ];
}
