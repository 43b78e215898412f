import { describe, expect, test } from "bun:test";
import { chmod, symlink, truncate, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import fc from "fast-check";
import {
  ENVIRONMENT,
  listUsualFiles,
  PLACEHOLDERS,
  toManagedFile,
} from "../places.ts";
import { ROOT, startFolder } from "../scripts/build.ts";
import {
  findHiddenFile,
  LiveSettings,
  type Reading,
  readSettings,
  toRedactor,
  toRemedy,
} from "../settings.ts";
import { Cleaner } from "../text.ts";

const POSIX = process.platform !== "win32";
const EXAMPLE = await Bun.file(join(ROOT, ".env.example")).text();
const KEY = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789";
const OWN = { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "own.backlog.com" };
const ONE_KEY = `BACKLOG_API_KEY=${KEY}\n`;
const NO_KEY = "BACKLOG_API_KEY is not set";
const NO_DOMAIN = "BACKLOG_DOMAIN is not set";
const NO_BOTH = `${NO_KEY}; ${NO_DOMAIN}`;
const USE =
  "use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com";

const MISSPELT =
  "BACKLOG_APIKEY=1\nBACKLOG_SPACE=2\nBACKLOG_PROJECT=3\nUSERID=4";

type Texts = Record<string, string | undefined>;

/** The text of a file of settings for a space of this name. */
function toFile(name: string, more = ""): string {
  return `BACKLOG_API_KEY=${name}-key-0123456789\nBACKLOG_DOMAIN=${name}.backlog.com\n${more}`;
}

/** A variable that a client or a shell was to fill in, and did not. */
function unexpanded(name: string): string {
  return `$\{${name}}`;
}

const OPEN = `BACKLOG_PROJECTS=${unexpanded("PROJECTS")}`;

/**
 * What is read where these files stand: `named` is that of --env-file, `user`
 * and `next` are usual ones, `managed` is the company's, owned by root or `as`.
 * One without text is not there, and `user` and `managed` have this mode. Paths
 * are told as these names.
 */
async function read(
  files: Record<string, string | Buffer | undefined>,
  environment: Texts = {},
  { mode = 0o644, as = 0 } = {},
): Promise<Reading> {
  await using folder = await startFolder(files);
  const { at } = folder;
  for (const name of ["user", "managed"]) {
    if (files[name] !== undefined) await chmod(at(name), mode);
  }
  const reading = readSettings({
    environment,
    envFile: "named" in files ? at("named") : undefined,
    usualFiles: [at("user"), at("next")],
    managedFile: { path: at("managed"), owner: as + (process.getuid?.() ?? 0) },
  });
  const path = JSON.stringify(at("_")).slice(1, -2);
  return JSON.parse(JSON.stringify(reading).replaceAll(path, ""));
}

/** The host to be asked and the projects to be shown, or why none. */
function tell({ settings, problems }: Reading): string {
  return settings
    ? [settings.host, ...(settings.projects ?? [])].join(" ")
    : problems.join("; ");
}

/** Where a BACKLOG_DOMAIN leads; undefined where it may not. */
function toOrigin(BACKLOG_DOMAIN: string): string | undefined {
  const environment = { BACKLOG_DOMAIN };
  return readSettings({ environment, usualFiles: [] }).origin;
}

describe("BACKLOG_DOMAIN may be in Backlog's three domains, or this machine", () => {
  const EXAMPLE = "https://example.backlog.com";
  test.each([
    ["example.backlog.com", EXAMPLE],
    ["example.backlog.jp", "https://example.backlog.jp"],
    ["my-space-2.backlogtool.com", "https://my-space-2.backlogtool.com"],
    ["HTTPS://EXAMPLE.Backlog.COM", EXAMPLE],
    ["example.backlog.com.", EXAMPLE],
    ["example.backlog.com:443", EXAMPLE],
    ["ｅｘａｍｐｌｅ．backlog.com", EXAMPLE],
    ["https://example.backlog.com/view/A-1?x=1#y", EXAMPLE],
    // The key never travels in the open.
    ["http://example.backlog.com/view/A-1", EXAMPLE],
    // What stands before @ goes nowhere.
    ["https://user:pw@example.backlog.com", EXAMPLE],
    // Still a name below backlog.com, whatever it looks like.
    ["bücher.backlog.com", "https://xn--bcher-kva.backlog.com"],
    // For tests and the demo.
    ["localhost:8787", "http://localhost:8787"],
    ["http://localhost:8787/", "http://localhost:8787"],
    ["https://127.0.0.1:8787", "https://127.0.0.1:8787"],
    ["[::1]:8787", "http://[::1]:8787"],
  ])("%s is %s", (domain, origin) => {
    expect(toOrigin(domain)).toBe(origin);
  });
});

describe("BACKLOG_DOMAIN may be no other host", () => {
  test.each([
    ["nothing", ["", "example", "https://", "exa mple.backlog.com"]],
    ["another", ["example.com", "evilbacklog.com", "example.backlog-com"]],
    ["no space", ["backlog.com", ".backlog.com", "example..backlog.com"]],
    ["a longer name", ["backlog.com.evil.example", "a.backlog.community"]],
    ["letters that look alike", ["example.bаcklog.com"]],
    ["a user's name", ["https://example.backlog.com:pw@evil.example/"]],
    ["a path", ["evil.example/a.backlog.com", "evil.example\\.backlog.com"]],
    ["a path, full width", ["evil.example／.backlog.com"]],
    ["a path, encoded", ["evil.example%2F.backlog.com"]],
    ["a query", ["evil.example?.backlog.com", "evil.example#.backlog.com"]],
    ["a control character", ["evil.example:443\u0000.backlog.com"]],
    ["another port", ["a.backlog.com:8443", "http://a.backlog.com:8080"]],
    ["not the web", ["ftp://a.backlog.com", "file:///etc/passwd"]],
    ["two schemes", ["http://https://example.backlog.com"]],
    ["a name like ours", ["localhost.evil.example", "localhost@evil.example"]],
    ["an address like ours", ["127.0.0.2:8787", "0.0.0.0:80", "[::2]:80"]],
  ])("%s", (_, domains) => {
    const allowed = domains.filter((domain) => toOrigin(domain) !== undefined);
    expect(allowed).toEqual([]);
  });
});

describe("readSettings takes all values from the first source", () => {
  const [named, user, next] = ["named", "user", "next"].map((name) =>
    toFile(name),
  );
  const { BACKLOG_API_KEY, BACKLOG_DOMAIN } = OWN;
  const NEXT = "next.backlog.com";
  const ABSENT = "named, named by --env-file, cannot be read (ENOENT)";
  test.each<[string, Texts, Texts, string]>([
    ["the environment", OWN, { named, user }, "own.backlog.com"],
    ["the file of --env-file", {}, { named, user }, "named.backlog.com"],
    ["the first of the usual files", {}, { user, next }, "user.backlog.com"],
    ["the next where it is missing", {}, { next }, NEXT],
    ["a key, and no file's domain", { BACKLOG_API_KEY }, { user }, NO_DOMAIN],
    ["a domain, and no file's key", { BACKLOG_DOMAIN }, { user }, NO_KEY],
    ["a file's key, and no other's", {}, { user: ONE_KEY, next }, NO_DOMAIN],
    ["a named file, lack what it may", {}, { named: "X=1", user }, NO_BOTH],
    ["the next where one has neither", {}, { user: "A=1\n", next }, NEXT],
    ["the next where one was only copied", {}, { user: EXAMPLE, next }, NEXT],
    ["none where there is none", {}, {}, NO_BOTH],
    ["a named file that is not there", {}, { named: undefined, user }, ABSENT],
  ])("%s", async (_, environment, files, host) => {
    expect(tell(await read(files, environment))).toBe(host);
  });
});

test("toRemedy tells what is missing and where, three mistakes at most, and what to do", async () => {
  const remedyOf = async (...given: Parameters<typeof read>) =>
    toRemedy(await read(...given), "/home/u/.env");
  expect(await remedyOf({ user: ONE_KEY })).toBe(
    `backlog-mcp is not configured: ${NO_DOMAIN}. The settings come from user, all of them from this one place. Put BACKLOG_API_KEY (from Personal Settings > API in Backlog) and BACKLOG_DOMAIN (such as your-space.backlog.com) into /home/u/.env or into "env" of this server in the client's configuration. A file is read again at the next call; a changed client configuration needs a restart of the server.`,
  );
  expect(await remedyOf({}, { BACKLOG_APIKEY: KEY })).toContain(
    `${NO_BOTH}. No settings were found. BACKLOG_APIKEY of the environment is read by nothing; use BACKLOG_API_KEY. Put `,
  );
  expect(await remedyOf({ named: MISSPELT })).toMatch(
    / named is where they were looked for\.( \w+ of named [^.]*\.){3} Put /,
  );
});

describe("USER_ID", () => {
  const unset = unexpanded("USER_ID");
  const seven = { user: toFile("user", "USER_ID=7") };
  const user = toFile("user");
  const passedOver = { user: "USER_ID=7\n", next: toFile("next") };
  test.each<[string, Texts, Texts, string | undefined, string]>([
    ["overrides a file's", { USER_ID: "9" }, seven, "9", ENVIRONMENT],
    ["completes a file", { USER_ID: "hana" }, { user }, "hana", ENVIRONMENT],
    ["left empty is not set", { USER_ID: "" }, seven, "7", "user"],
    ["not filled in is not set", { USER_ID: unset }, seven, "7", "user"],
    ["of a file does not complete it", OWN, seven, undefined, ENVIRONMENT],
    ["of a file passed over does not count", {}, passedOver, undefined, "next"],
  ])("of the environment %s", async (_, environment, files, userId, source) => {
    const { settings, userIdSource } = await read(files, environment);
    expect([settings?.userId, userIdSource]).toEqual([userId, source]);
  });
});

describe("a value", () => {
  const SHORT =
    "BACKLOG_API_KEY has 15 characters, too few for a key: copy the whole of it";
  const MORE =
    "BACKLOG_API_KEY holds something that no key has, which is letters, digits, - and _ only: paste the key alone, without quotes, spaces, an address or a word before it";
  test.each([
    ["spaces around", `  ${KEY} `, KEY],
    ["double quotes around", `"${KEY}"`, KEY],
    ["single quotes and spaces around", `' ${KEY} '`, KEY],
    ["- and _", `${KEY}-_`, `${KEY}-_`],
    ["spaces only", "   ", NO_KEY],
    ["quotes around nothing", '""', NO_KEY],
    ["a variable in it", `key-${unexpanded("SUFFIX")}`, NO_KEY],
    ["a placeholder in it", `"${PLACEHOLDERS.BACKLOG_API_KEY}"`, NO_KEY],
    ["a word before it", `Bearer ${KEY}`, MORE],
    ["a line break", `${KEY}\r\nX-Evil: 1`, MORE],
    ["an invisible character", `${KEY}\u200bdef`, MORE],
    ["a letter beyond ASCII", "キー".repeat(16), MORE],
    ["15 characters", KEY.slice(0, 15), SHORT],
  ])("of the key: %s", async (_, BACKLOG_API_KEY, expected) => {
    const reading = await read({}, { ...OWN, BACKLOG_API_KEY });
    const { settings, problems } = reading;
    expect(settings?.apiKey ?? problems.join("; ")).toBe(expected);
  });

  const BARE =
    'is "acme": write acme.backlog.com, acme.backlog.jp or acme.backlogtool.com, whichever your browser shows';
  test.each([
    ["backlog.com.evil.example", `is "backlog.com.evil.example": ${USE}`],
    [KEY, `names no space: ${USE}`],
    [`${KEY.slice(0, 20)}.backlog.community`, `names no space: ${USE}`],
    ["https://%41%62%43%64%45%66%47", `names no space: ${USE}`],
    [`evil.example/${KEY}`, `is "evil.example": ${USE}`],
    [`evil.example／${KEY}`, `is "evil.example": ${USE}`],
    [`evil.example?apiKey=${KEY}`, `is "evil.example": ${USE}`],
    [`https://u:${KEY}@evil.example`, `is "evil.example": ${USE}`],
    [`evil.example\n${KEY}`, `names no space: ${USE}`],
    ["https://acme/dashboard", BARE],
    [PLACEHOLDERS.BACKLOG_DOMAIN, "is not set"],
    [unexpanded("input:backlog-domain"), "is not set"],
  ])(
    "of the domain, %j, shows no more than a host",
    async (domain, problem) => {
      const { problems } = await read({}, { ...OWN, BACKLOG_DOMAIN: domain });
      expect(problems).toEqual([`BACKLOG_DOMAIN ${problem}`]);
    },
  );

  test("that is wrong hides no other", async () => {
    const environment = { BACKLOG_API_KEY: "a b", BACKLOG_DOMAIN: "a.example" };
    const { problems } = await read({}, environment);
    expect(problems).toEqual([MORE, `BACKLOG_DOMAIN is "a.example": ${USE}`]);
  });
});

describe("a .env file", () => {
  test.each([
    ["with a byte order mark", `\ufeff${toFile("a")}`],
    ["of PowerShell's", Buffer.from(`\ufeff${toFile("a")}`, "utf16le")],
    ["of 64 KiB", `${toFile("a")}#`.padEnd(64 * 1024, "x")],
  ])("%s is read", async (_, user) => {
    const { settings } = await read({ user });
    expect(settings?.apiKey).toBe("a-key-0123456789");
    expect(settings?.host).toBe("a.backlog.com");
  });

  test.skipIf(!POSIX).each([
    ["a pipe", "pipe", "is a pipe (FIFO), no file"],
    ["a link to a pipe", "link", "is a pipe (FIFO), no file"],
    ["a device", "/dev/zero", "is a device, no file"],
    ["3 GB long", "huge", "larger than 64 KiB, which no file of settings is"],
    ["a link to itself", "loop", "cannot be read (ELOOP)"],
  ])("that is %s is named at once, in any place", async (_, name, problem) => {
    await using folder = await startFolder({ huge: "" });
    const at = (file: string) => resolve(folder.path, file);
    await truncate(at("huge"), 3_000_000_000);
    await Bun.$`mkfifo ${at("pipe")}`;
    await symlink(at("pipe"), at("link"));
    await symlink(at("loop"), at("loop"));
    const places = { environment: {}, usualFiles: [at(name), at("huge")] };
    const [usual] = readSettings(places).problems;
    expect(usual).toStartWith(`${at(name)} `);
    expect(usual).toEndWith(problem);
    const [named] = readSettings({ ...places, envFile: at(name) }).problems;
    expect(named).toStartWith(`${at(name)}, named by --env-file, `);
    expect(named).toEndWith(problem);
    // It may restrict what another place configures.
    expect(readSettings({ ...places, environment: OWN }).problems).toEqual([
      `${usual}, and it may hold a BACKLOG_PROJECTS`,
    ]);
  });

  test("changes nothing of this process", async () => {
    const name = "NODE_TLS_REJECT_UNAUTHORIZED";
    await read({ user: toFile("user", `${name}=0`) });
    expect(process.env[name]).toBeUndefined();
  });

  test("below a file is not there", async () => {
    await using folder = await startFolder({ file: "" });
    const usualFiles = [folder.at("file/.env")];
    const { problems } = readSettings({ environment: OWN, usualFiles });
    expect(problems).toEqual([]);
  });

  test("that is a folder was not meant for us, unless it was named", async () => {
    const { problems } = await read({ "named/file": "", named: undefined });
    expect(problems).toEqual([
      "named, named by --env-file, is a folder, no file",
    ]);
    const reading = await read({ "user/file": "", next: toFile("next") });
    expect(tell(reading)).toBe("next.backlog.com");
  });

  test("says what the runtime's own parser makes of it", async () => {
    const line = fc.oneof(
      fc.constantFrom("USER_ID=", "USER_ID=a.b:c-d/e,f", "USER_ID= a", "\r"),
      fc.constantFrom("export USER_ID='a b'", "USER_ID=a # b", "USER_ID=a\r"),
      fc.constantFrom("# a", "# a\rUSER_ID=b", 'USER_ID="a\nb"', "USER_ID"),
      fc.string(),
    );
    const check = async (lines: string[]) => {
      const named = lines.join("\n");
      const { values } = await read({ named });
      const expected = await read({}, { USER_ID: parseEnv(named).USER_ID });
      expect(values.USER_ID).toBe(expected.values.USER_ID);
    };
    await fc.assert(fc.asyncProperty(fc.array(line), check), { seed: 1 });
  });
});

describe("BACKLOG_PROJECTS", () => {
  const refused = (what: string) =>
    `BACKLOG_PROJECTS of the environment ${what}: write keys, such as WEB,OPS`;
  const NO_PROJECT = "which is no key of a project";
  test.each([
    ["WEB,OPS", ["WEB", "OPS"]],
    ["web", ["WEB"]],
    [" WEB , OPS ", ["WEB", "OPS"]],
    ["WEB OPS;API", ["WEB", "OPS", "API"]],
    ["ＷＥＢ、ｏｐｓ，API", ["WEB", "OPS", "API"]],
    ['["WEB", "OPS"]', ["WEB", "OPS"]],
    ["WEB,,WEB,A_1,9", ["WEB", "A_1", "9"]],
    ["  ", undefined],
    [unexpanded("PROJECTS"), undefined],
    // These stop every call.
    [",", refused("names no project")],
    ["WEB,WEB-1", refused(`has "WEB-1", ${NO_PROJECT}`)],
    ["ウェブ", refused(`has "ウェブ", ${NO_PROJECT}`)],
    ["https://a.backlog.com/WEB", refused(`has something, ${NO_PROJECT}`)],
    ["A".repeat(26), refused(`has something, ${NO_PROJECT}`)],
  ])("%j is %j", async (BACKLOG_PROJECTS, expected) => {
    const reading = await read({}, { ...OWN, BACKLOG_PROJECTS });
    const { settings, problems } = reading;
    const told = settings ? settings.projects : problems.join("; ");
    expect<unknown>(told).toEqual(expected);
  });

  const [user, few, some, more] = ["b", "B,C", "A,B,D", "B,A"].map(
    (keys) => `BACKLOG_PROJECTS=${keys}\n`,
  );
  const next = toFile("next", more);
  test.each<[string, string, Texts, string[] | undefined]>([
    ["of the environment", "A", {}, ["A"]],
    ["of the file in use", "", { next }, ["B", "A"]],
    ["of the user's file, whatever is in use", "", { user, next }, ["B"]],
    ["of the user's file beside the environment", "A,B", { user }, ["B"]],
    ["of the file of --env-file beside it", "A,B", { named: few }, ["B"]],
    ["of all of them", "A,B,C", { named: some, user: more }, ["A", "B"]],
    ["with nothing in common leave none", "A", { user }, []],
    ["of a file that is not in use do not count", "A", { next }, ["A"]],
    ["found nowhere restrict nothing", "", { user: toFile("a") }, undefined],
  ])("lists %s", async (_, own, files, projects) => {
    const environment = own ? { ...OWN, BACKLOG_PROJECTS: own } : {};
    const { settings, problems } = await read(files, environment);
    expect(problems).toEqual([]);
    expect<unknown>(settings?.projects).toEqual(projects);
  });
});

// As root the tests could use the real file, but so do all others beside them.
describe.skipIf(!POSIX)("managed.env", () => {
  const ACME = { ...OWN, BACKLOG_DOMAIN: "acme.backlog.com" };
  const managed =
    "# Ours\nBACKLOG_DOMAIN=acme.backlog.com\nBACKLOG_PROJECTS=WEB,OPS\n";

  test("completes a key, and adds its projects to those of others", async () => {
    const environment = { BACKLOG_API_KEY: KEY, BACKLOG_PROJECTS: "OPS,API" };
    expect(await read({ managed }, environment)).toMatchObject({
      ...{ source: ENVIRONMENT, domainSource: "managed" },
      settings: { host: "acme.backlog.com", projects: ["OPS"] },
    });
  });

  const QUOTED =
    'export BACKLOG_DOMAIN="acme.backlog.com"\r\n\r\n  BACKLOG_PROJECTS = web # ours\r\n';
  const toConflict = (host: string) =>
    `BACKLOG_DOMAIN of the environment is ${host}, but managed allows acme.backlog.com alone: take it out there`;
  const BOTH = "acme.backlog.com WEB OPS";
  test.each([
    ["projects alone", "BACKLOG_PROJECTS=A", "a.backlog.jp", "a.backlog.jp A"],
    ["quotes", QUOTED, "acme.backlog.com", "acme.backlog.com WEB"],
    ["its own", managed, "https://ACME.backlog.com/dashboard", BOTH],
    ["another", managed, "a.backlog.jp", toConflict("a.backlog.jp")],
    ["this machine", managed, "localhost:87", toConflict("localhost:87")],
    ["none", managed, "a.example", `BACKLOG_DOMAIN is "a.example": ${USE}`],
  ])("beside a domain: %s", async (_, managed, BACKLOG_DOMAIN, expected) => {
    const reading = await read({ managed }, { ...OWN, BACKLOG_DOMAIN });
    expect(tell(reading)).toBe(expected);
  });

  const MORE = "holds more than BACKLOG_DOMAIN and BACKLOG_PROJECTS";
  const NO_LINE = "has a line that is no NAME=VALUE";
  const PERSONAL = "holds a key, which is each user's own";
  const UNFILLED = "leaves BACKLOG_PROJECTS to be filled in";
  const HALF = "BACKLOG_PROJECTS=WEB\rBACKLOG_";
  const TWICE = "BACKLOG_PROJECTS=WEB\nBACKLOG_PROJECTS=WEB,OPS";
  const toRefusal = (host: string) =>
    `managed: BACKLOG_DOMAIN is "${host}": ${USE}`;
  test.each([
    ["holds a key", `${managed}BACKLOG_API_KEY=${KEY.slice(1)}`, PERSONAL],
    ["holds one behind a carriage return", `${HALF}API_KEY=1`, PERSONAL],
    ["holds a name that nothing reads", `${managed}BACKLOG_PROJECT=A`, MORE],
    ["has a line that is none", "BACKLOG_PROJECTS WEB", NO_LINE],
    ["spreads a value over lines", 'BACKLOG_PROJECTS="WEB,\nOPS"', NO_LINE],
    ["sets a name twice", TWICE, "sets BACKLOG_PROJECTS twice"],
    ["is not filled in", OPEN, UNFILLED],
    ["is empty", "", "sets nothing"],
    ["is too large", "#".repeat(65_537), "is larger than 64 KiB, which"],
    ["names another host", "BACKLOG_DOMAIN=a.example", toRefusal("a.example")],
    ["names this machine", "BACKLOG_DOMAIN=[::1]:80", toRefusal("[::1]:80")],
    ["names no project", "BACKLOG_PROJECTS=WEB-1", 'managed has "WEB-1", '],
  ])("that %s stops every call", async (_, managed, problem) => {
    const reading = await read({ managed }, ACME);
    expect(reading.settings).toBeUndefined();
    expect(reading.problems).toEqual([expect.stringContaining(problem)]);
    expect(toRemedy(reading, "/home/u/.env")).toStartWith(
      "backlog-mcp answers no call: ",
    );
    expect(toRedactor(reading.secrets)(managed)).not.toContain(KEY.slice(1));
  });

  const OTHERS = "others than root may write to it (mode";
  test.each([
    ["somebody else's", { as: 1 }, "it does not belong to root"],
    ["writable for a group", { mode: 0o664 }, `${OTHERS} 664)`],
    ["writable for all", { mode: 0o646 }, `${OTHERS} 646)`],
  ])("that is %s is passed over, and that is said", async (_, file, why) => {
    const managed = `BACKLOG_DOMAIN=evil.backlog.com\nBACKLOG_API_KEY=${KEY}`;
    const reading = await read({ managed }, ACME, file);
    expect(tell(reading)).toBe("acme.backlog.com");
    expect(reading.restrictions).toEqual([]);
    expect(reading.managed.passedOver).toBe(`managed does not count: ${why}.`);
  });

  test("that cannot be read stops every call", async () => {
    const reading = await read({ "managed/file": "", managed: undefined }, OWN);
    expect(tell(reading)).toBe(
      "managed, this computer's own, is a folder, no file",
    );
    expect(reading.managed.passedOver).toBeUndefined();
  });

  test("makes no file look as if the environment hid it", async () => {
    await using folder = await startFolder({ managed, user: toFile("user") });
    const owner = process.getuid?.() ?? 0;
    const managedFile = { path: folder.at("managed"), owner };
    const find = (name: string) => {
      const usualFiles = [folder.at(name)];
      const places = { environment: ACME, usualFiles, managedFile };
      return findHiddenFile({ ...places, reading: readSettings(places) });
    };
    expect(find("user")).toBe(folder.at("user"));
    expect(find("next")).toBeUndefined();
  });

  test.each([
    ["linux", "/etc/backlog-mcp/managed.env"],
    ["darwin", "/Library/Application Support/backlog-mcp/managed.env"],
    ["win32", undefined],
  ])("on %s stands at %s, and is root's", (platform, path) => {
    const expected = path === undefined ? undefined : { path, owner: 0 };
    expect(toManagedFile(platform)).toEqual(expected);
  });
});

describe("what looks like a mistake is told:", () => {
  const unset = (why: string, ...names: string[]) =>
    names.map((name) => `${name} of user ${why}, so it counts as not set.`);
  const unread = (name: string, meant: string) =>
    `${name} of user is read by nothing; use ${meant}.`;
  const LEFT = "still holds the placeholder of .env.example";
  const UNFILLED = "holds a variable that nothing filled in";
  const EXPOSED =
    "user holds a key, and others on this computer may read it (mode 640): chmod 600 keeps it yours.";
  test.each<[string, string, string[], mode?: number]>([
    [
      "a placeholder left in",
      EXAMPLE,
      unset(LEFT, "BACKLOG_API_KEY", "BACKLOG_DOMAIN"),
    ],
    ["an empty value", "BACKLOG_DOMAIN=", unset("is empty", "BACKLOG_DOMAIN")],
    ["one not filled in", OPEN, unset(UNFILLED, "BACKLOG_PROJECTS")],
    ["no USER_ID left empty, as forms do", toFile("a", "USER_ID=\n"), []],
    [
      "misspelt names",
      MISSPELT,
      [
        unread("BACKLOG_APIKEY", "BACKLOG_API_KEY"),
        unread("BACKLOG_SPACE", "BACKLOG_DOMAIN"),
        unread("BACKLOG_PROJECT", "BACKLOG_PROJECTS"),
        unread("USERID", "USER_ID"),
      ],
    ],
    ["no name that may hold a key", `BACKLOG_KEY_${"A".repeat(60)}=1`, []],
    ["no name beside the right one", toFile("a", "BACKLOG_API_KEY_OLD=1"), []],
    ["a key that others may read", toFile("a"), POSIX ? [EXPOSED] : [], 0o640],
  ])("%s", async (_, user, expected, mode = 0o600) => {
    expect((await read({ user }, {}, { mode })).notes).toEqual(expected);
  });

  test(".env.txt beside where .env is looked for", async () => {
    expect((await read({ "user.txt": "" })).notes).toEqual([
      "user.txt is there, but only user is read: take .txt off its name.",
    ]);
  });

  test("a key under another name or in a wrong place is a secret, a space's name is none", async () => {
    const [first, second] = [KEY, "short-key"];
    const { secrets } = await read(
      {},
      {
        BACKLOG_DOMAIN: `https://${"a".repeat(32)}.backlog.com/?apiKey=${first}`,
        ...{ BACKLOG_APIKEY: second, OTHER: KEY },
      },
    );
    expect(secrets).toEqual([first, second]);
  });
});

describe("listUsualFiles", () => {
  const HOME = "/home/u";
  const USUAL = "/home/u/.config/backlog-mcp/.env";
  const MACHINE = join(homedir(), ".config", "backlog-mcp", ".env");
  test.each<[Texts, string]>([
    [{ HOME }, USUAL],
    [{ HOME, XDG_CONFIG_HOME: "/etc/u" }, "/etc/u/backlog-mcp/.env"],
    [{ HOME, XDG_CONFIG_HOME: "" }, USUAL],
    // It would depend on the start folder.
    [{ HOME, XDG_CONFIG_HOME: "conf" }, USUAL],
    [{}, MACHINE],
  ])(
    "of %j begins with %s; the start folder comes last",
    (environment, first) => {
      expect(listUsualFiles(environment, "linux")).toEqual([
        first,
        join(dirname(process.execPath), ".env"),
        join(process.cwd(), ".env"),
      ]);
    },
  );

  test("begins with %APPDATA% on Windows", () => {
    const [first] = listUsualFiles({ APPDATA: "C:\\Roaming" }, "win32");
    expect(first).toBe("C:\\Roaming\\backlog-mcp\\.env");
  });
});

describe("LiveSettings", () => {
  const OLD = toFile("old", "BACKLOG_PROJECTS=A").replace("old.b", "a.b");
  const NEW = OLD.replace("old-key", "new-key");

  /** A program that has begun with a user's file, which then changes. */
  async function startLive(before: string, after: string) {
    const folder = await startFolder({ "user.env": before });
    const usualFiles = ["user.env", "next.env"].map(folder.at);
    const live = new LiveSettings({ environment: {}, usualFiles });
    const { settings } = live.read();
    await writeFile(folder.at("user.env"), after);
    await writeFile(folder.at("next.env"), toFile("next"));
    const connection = settings && live.toConnection(settings);
    return { ...folder, live, renew: async () => connection?.renew?.() };
  }

  test("reads again while something is missing, and no more then", async () => {
    await using started = await startLive("BACKLOG_DOMAIN=a.backlog.com", OLD);
    expect(started.live.read().settings?.apiKey).toBe("old-key-0123456789");
    await writeFile(started.at("user.env"), NEW);
    expect(started.live.read().settings?.apiKey).toBe("old-key-0123456789");
  });

  test("renews the key from the same file, for every call that had the old one", async () => {
    await using started = await startLive(OLD, NEW);
    const { live, renew } = started;
    const both = "old-key-0123456789, new-key-0123456789";
    const renewed = await renew();
    expect(renewed).toMatchObject({
      apiKey: "new-key-0123456789",
      origin: "https://a.backlog.com",
      projects: ["A"],
    });
    expect((await renew())?.apiKey).toBe("new-key-0123456789");
    expect(await renewed?.renew?.()).toBeUndefined();
    expect(live.read().settings?.apiKey).toBe("new-key-0123456789");
    expect(live.redact(both)).toBe("[API key], [API key]");
    expect(renewed?.redact?.(both)).toBe("[API key], [API key]");
  });

  test("finds nothing new in a file that is the same, or in the environment", async () => {
    await using started = await startLive(OLD, OLD);
    expect(await started.renew()).toBeUndefined();
    const live = new LiveSettings({ environment: OWN, usualFiles: [] });
    const { settings } = live.read();
    expect(settings?.redact?.(KEY)).toBe("[API key]");
    const { renew } = live.toConnection(settings ?? { origin: "", apiKey: "" });
    expect(await renew?.()).toBeUndefined();
  });

  const ELSEWHERE = NEW.replace("a.backlog", "b.backlog");
  const RESTART =
    /now names b\.backlog\.com, but this program speaks to a\.backlog\.com until it is restarted\. Restart/;
  const MISSING =
    /user\.env holds no other: BACKLOG_API_KEY is not set; BACKLOG_DOMAIN/;
  test.each([
    ["another domain asks for a restart", ELSEWHERE, RESTART],
    ["a key that is missing is said, and no other file taken", "", MISSING],
  ])("%s", async (_, text, problem) => {
    await using started = await startLive(OLD, text);
    await expect(started.renew()).rejects.toThrow(problem);
  });
});

/** Each of the key's characters written so. */
const each = (write: (code: number) => string) =>
  [...KEY].map((letter) => write(letter.charCodeAt(0))).join("");

/** Whatever cleaning takes out of a line. */
const HIDDEN = Array.from({ length: 0xe1000 }, (_, code) =>
  String.fromCodePoint(code),
)
  .filter((character) => new Cleaner().line(`a${character}b`) === "ab")
  .join("");

describe("toRedactor takes the key out", () => {
  const hex = (code: number) => code.toString(16);
  const json = (code: number) => `\\u00${hex(code)}`;
  const url = (code: number) => `%${hex(code).toUpperCase()}`;
  test.each([
    ["as it is", KEY],
    ["in small letters", KEY.toLowerCase()],
    ["in capitals", KEY.toUpperCase()],
    ["full width", each((code) => String.fromCharCode(code + 0xfee0))],
    ["URL-encoded", each(url)],
    ["URL-encoded twice", encodeURIComponent(each(url))],
    ["URL-encoded in part", `%61${KEY.slice(1).toLowerCase()}`],
    ["as JSON may write it", each(json)],
    ["as JSON in JSON may write it", each((code) => `\\${json(code)}`)],
    ["JSON, then URL-encoded", encodeURIComponent(each(json))],
    ["as \\x5a", each((code) => `\\x${hex(code)}`)],
    ["as \\u{00005a}", each((code) => `\\u{0000${hex(code)}}`)],
    ["as octal", each((code) => `\\${code.toString(8)}`)],
    ["as decimal entities", each((code) => `&#${code};`)],
    ["as entities with zeros, without an end", each((code) => `&#000${code}`)],
    ["as hexadecimal entities", each((code) => `&#x${hex(code)};`)],
    ["as entities of entities", each((code) => `&amp;#x${hex(code)};`)],
    ["as entities, then URL-encoded", each((code) => `%26%23${code}%3B`)],
    ["with invisible characters in it", [...KEY].join(HIDDEN)],
  ])("%s", (_, written) => {
    const redact = toRedactor(["another-key-0123456789", KEY]);
    expect(redact(`a ${written} b ${written}c`)).toBe(
      "a [API key] b [API key]c",
    );
  });

  const MARKED = "a\\_key\\-of\\_16\\-signs";
  test.each([
    ["- and _ are written as in Markdown", ["a_key-of_16-signs"], MARKED],
    ["what stands around it was set as well", [`Bearer ${KEY}`], KEY],
    ["a longer one holds a shorter one", [KEY, `${KEY}X`], `${KEY}X`],
    ["it is as long as no key is", [KEY.repeat(9)], KEY.repeat(9)],
  ])("where %s", (_, keys, text) => {
    const redacted = toRedactor(keys)(text);
    expect(redacted.replaceAll("[API key]", "")).toBe("");
  });
});

describe("toRedactor takes the key out, but does not know it", () => {
  test.each([
    ["in base64", [KEY], btoa(KEY)],
    ["reversed", [KEY], [...KEY].reverse().join("")],
    ["in parts", [KEY], `${KEY.slice(0, 18)} and ${KEY.slice(18)}`],
    ["less a character", [KEY], KEY.slice(1)],
    // Such a short one is no key, and would tear up every text.
    ["where it is a word", ["letter"], "a letter of any length"],
    ["where there is none", [], KEY],
  ])("%s", (_, keys, text) => {
    expect(toRedactor(keys)(text)).toBe(text);
  });
});

// In proportion to the square of their length these would take hours.
describe("toRedactor comes to an end with", () => {
  const TEXTS = ["\\", "a", "%25", "%61", "&amp;", "&#0", "\\u0061", "a\u200b"];
  test.each([
    ["a key of backslashes", "\\".repeat(64)],
    ["a key of one letter", "a".repeat(64)],
    ["a key that ends otherwise", `${"a".repeat(63)}b`],
    ["a key of escapes", "\\u0075".repeat(20)],
    ["a key of 100 kB", KEY.repeat(3_000)],
  ])("%s", (_, key) => {
    const redact = toRedactor([key]);
    for (const text of TEXTS) {
      expect(redact(`${text.repeat(200_000 / text.length)} `)).toEndWith(" ");
    }
  });
});
