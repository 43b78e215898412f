import { unquote, WordProblem } from "./matching.ts";
import { formatSome, quote } from "./text.ts";

// Keys of projects end at 25 characters; IDs and numbers at what is safe.
const KEY = "[A-Z0-9_]{1,25}-[1-9]\\d{0,9}";
const WHOLE_KEY = new RegExp(`^${KEY}$`);
const KEY_IN_TEXT = new RegExp(
  `(?<![\\w-])(?=[\\d_]*[A-Z])(${KEY})(#[a-z][\\w-]*)?(?![\\w-])`,
  "g",
);
const KEY_OF_PAGE = new RegExp(`^/view/(${KEY})(?![\\w-])`, "i");
// With its scheme, or as a browser's bar shows it; up to what ends it in a text.
const ADDRESS_IN_TEXT =
  /(?:https?:\/\/|(?<![\w./:-])[\w.-]+\.[a-z]{2,}(?::\d+)?\/view\/)(?:(?!https?:)[^\s"<>()[\]{}|、。「」『』【】])+/gi;
const DASHES = /[\u2010-\u2015\u2212\u30fc\uff70]/g;

// A key is looked for in what people paste, not in whole documents.
const LONGEST_TEXT = 2_000;

/** `PROJ` of `PROJ-123`. */
export function toProjectKey(issueKey: string): string {
  return issueKey.slice(0, issueKey.lastIndexOf("-"));
}

/** What of an issue is asked for; from the fragment of its key. */
export type Focus =
  | { on: "issue" }
  /** `from`: how many characters stand before the first one asked for. */
  | { on: "description"; from: number }
  | { on: "comment" | "field"; id: number; from: number }
  | { on: "older" | "newer"; id: number }
  | { on: "attachment"; file: FileReference; from: number | "end" };

/** Whether a page of the timeline is asked for. */
export function turnsPage({ on }: Focus): boolean {
  return on === "older" || on === "newer";
}

/** Whether a long text is asked for from a place on. */
export function isPart(focus: Focus): boolean {
  return "from" in focus && focus.from !== 0;
}

/** Whether it goes on from another answer, which had the facts. */
export function isContinued(focus: Focus): boolean {
  return turnsPage(focus) || focus.on === "field" || isPart(focus);
}

/** Whether the timeline is among what is asked for. */
export function showsThread(focus: Focus): boolean {
  return focus.on !== "field" && !isPart(focus);
}

type FileReference = { id: number } | { name: string };

/** An issue, and what of it is asked for. */
export interface IssueReference {
  /** Safe in a path: an issue key or a numeric ID. */
  idOrKey: string;
  focus: Focus;
  /** The words around the key, where it was found within a text. */
  words?: string;
}

/**
 * What `issue_key` means: a key, a numeric ID or an address of this space, with
 * its fragment, or a text with one of them in it. Throws with the fix where it
 * is none, several, or of another space.
 */
export function parseIssueKey(
  text: string,
  host: string,
  title?: string,
): IssueReference {
  if (text.length > LONGEST_TEXT) throw toNoKey(text, host);
  const given = unwrap(text.normalize("NFKC").trim());
  if (given === "") throw new Error(describeMissing(title));
  const address = toAddress(given, host);
  if (address) return parseAddress(address, host);
  const [key = "", ...rest] = given.split("#");
  const idOrKey = toKey(key);
  if (idOrKey === undefined) return parseText(given, text, host);
  const fragment = rest.join("#");
  const focus = parseFragment(fragment);
  if (focus === undefined) {
    throw new Error(
      `issue_key: nothing is known of ${quote(`#${fragment}`, 40)}; use ${idOrKey}, ${idOrKey}#description, ${idOrKey}#comment-456 or ${idOrKey}#attachment-8471`,
    );
  }
  return { idOrKey, focus };
}

function toNoKey(text: string, host: string): Error {
  const joined = /^\s*([a-z]+)(\d{1,10})\s*$/i.exec(text.slice(0, 80));
  const [, project = "", number] = joined ?? [];
  const meant = joined
    ? `; did you mean ${project.toUpperCase()}-${number}?`
    : "";
  return new Error(
    `issue_key ${quote(text, 80)} is no issue key such as PROJ-123, no numeric ID and no address of an issue in ${host}${meant}`,
  );
}

function describeMissing(title: string | undefined): string {
  const search = title?.trim()
    ? `: get_user_issue_list ${JSON.stringify({
        keyword: title.trim().slice(0, 200),
        assignee_names: ["anyone"],
        status_names: ["any"],
      })}`
    : "";
  return `issue_key is needed; to find an issue by its title call get_user_issue_list with keyword${search}`;
}

/** Out of a Markdown link, `<...>` or a list of one, without the sentence's end. */
function unwrap(text: string): string {
  const link =
    /^\[[^\]]*\]\(([^)\s]+)\)$/.exec(text) ??
    /^<(.+)>$/.exec(text) ??
    /^\[\s*"([^",]*)"\s*\]$/.exec(text);
  return (link?.[1] ?? text).replace(/[.,;:!?。、]+$/u, "");
}

function toKey(text: string): string | undefined {
  const key = text
    .replace(DASHES, "-")
    .trim()
    .replace(/^(\w*[a-z]\w*) (\d+)$/i, "$1-$2")
    .toUpperCase();
  return WHOLE_KEY.test(key) || /^[1-9]\d{0,14}$/.test(key) ? key : undefined;
}

/** The one address or key that stands within a text. */
function parseText(
  given: string,
  original: string,
  host: string,
): IssueReference {
  const addresses = given.match(ADDRESS_IN_TEXT) ?? [];
  const urls = addresses.map((address) => toAddress(unwrap(address), host));
  const [address, ...others] = addresses;
  const [url] = urls;
  if (address !== undefined && others.length === 0) {
    if (!url) throw toNoKey(original, host);
    const reference = parseAddress(url, host);
    const words = given
      .replace(address, " ")
      .replaceAll(reference.idOrKey, " ");
    return withWords(reference, words);
  }
  // The key of another space's issue is none of ours.
  for (const one of urls) {
    if (one && KEY_OF_PAGE.test(one.pathname)) parseAddress(one, host);
  }
  const found = [...given.matchAll(KEY_IN_TEXT)];
  const keys = [...new Set(found.map(([, key = ""]) => key))];
  const [key, second] = keys;
  if (key === undefined) throw toNoKey(original, host);
  if (second !== undefined) {
    const calls = keys.map((one) => `issue_key ${quote(one)}`);
    throw new Error(
      `issue_key names ${keys.length} issues, and one call reads one; one call each: ${formatSome(calls, 10)}`,
    );
  }
  const [, , fragment = ""] = found[0] ?? [];
  const focus = parseFragment(fragment.slice(1)) ?? { on: "issue" };
  const words = given.replaceAll(`${key}${fragment}`, " ");
  return withWords({ idOrKey: key, focus }, words);
}

function withWords(reference: IssueReference, text: string): IssueReference {
  const words = text.replace(/\s+/g, " ").trim();
  return /[\p{L}\p{N}]/u.test(words) ? { ...reference, words } : reference;
}

/** Null where the text is not an address at all. */
function toAddress(text: string, host: string): URL | null {
  if (/\s|.https?:/i.test(text)) return null;
  if (/^https?:\/\//i.test(text)) return URL.parse(text);
  const isHost =
    /^[\w.-]+\.[a-z]{2,}(:\d+)?\//i.test(text) || text.startsWith(`${host}/`);
  return isHost ? URL.parse(`https://${text}`) : null;
}

/** Why an address of another space is refused. */
function describeOtherSpace(
  argument: string,
  address: URL,
  host: string,
): string {
  return `${argument} is an address of ${address.host}, but this server reads ${host} only; each space needs an entry of its own in the client's configuration`;
}

const PROJECT_PAGE =
  /^\/(?:projects|find|board|gantt|burndown|add|view|wiki|file)\/(\w{1,25})(?=[/-]|$)/i;

/** The key in the address of a project's page; any other word as it is. */
export function readProject(word: string, host: string): string {
  const text = unquote(word).normalize("NFKC");
  const address = toAddress(text, host);
  if (address === null) return word;
  if (address.host !== host) {
    throw new WordProblem(describeOtherSpace("project_keys", address, host));
  }
  const [, key] = PROJECT_PAGE.exec(address.pathname) ?? [];
  if (key !== undefined) return key;
  throw new WordProblem(
    `project_keys: the address ${quote(text, 80)} names no project; give a key such as PROJ`,
  );
}

// What else a space has addresses of; their paths may hold what looks like a
// key.
const OTHER_PAGES: [RegExp, string][] = [
  [/^\/(file|downloadFile|shared-?files?)(\/|$)/i, "a file of a project"],
  [/^\/(wiki|alias\/wiki|ViewWiki)/i, "a wiki page"],
  [/^\/(document|alias\/document)/i, "a document"],
  [/^\/(git|alias\/git)(\/|$)/i, "a Git repository"],
  [/^\/(subversion|svn|rev)(\/|$)/i, "a Subversion repository"],
  [
    /^\/(downloadAttachment|ViewAttachment)/i,
    "an attachment (PROJ-123#attachment-8471 opens one of PROJ-123)",
  ],
];

function parseAddress(address: URL, host: string): IssueReference {
  if (address.host !== host) {
    throw new Error(describeOtherSpace("issue_key", address, host));
  }
  const path = decode(address.pathname);
  const [, viewed] = KEY_OF_PAGE.exec(path) ?? [];
  const other = OTHER_PAGES.find(([pattern]) => pattern.test(path))?.[1];
  const named =
    viewed !== undefined || other !== undefined
      ? [viewed ?? ""]
      : [...address.searchParams.values()];
  const keys = [
    ...new Set(
      named
        .map((text) => text.toUpperCase())
        .filter((text) => WHOLE_KEY.test(text)),
    ),
  ];
  const [key] = keys;
  if (key === undefined || keys.length > 1) {
    const found =
      keys.length > 1
        ? `names ${keys.slice(0, 5).join(", ")}`
        : other !== undefined
          ? `is that of ${other}`
          : "names no issue";
    throw new Error(
      `issue_key: this address ${found}; give the key of one issue, such as PROJ-123`,
    );
  }
  // Other fragments are places of the page, not of the issue.
  const hash = address.hash.slice(1);
  const [start = ""] = /^[\w-]*/.exec(hash) ?? [];
  const focus = parseFragment(hash) ?? parseFragment(start) ?? { on: "issue" };
  return { idOrKey: key, focus };
}

// The place a fragment counts from is 1; ours is how many stand before it.
const before = (place: string | undefined) =>
  Math.max(0, Number(place ?? 1) - 1);

const FRAGMENTS: [RegExp, (id: number, from: number) => Focus][] = [
  [
    /^description(?:-(?<place>\d{1,9}))?$/i,
    (_, from) => ({ on: "description", from }),
  ],
  [
    /^comment-(?<id>\d{1,15})(?:-from-(?<place>\d{1,9}))?$/i,
    (id, from) => ({ on: "comment", id, from }),
  ],
  [/^comment-(?<id>\d{1,15})-older$/i, (id) => ({ on: "older", id })],
  [/^comment-(?<id>\d{1,15})-newer$/i, (id) => ({ on: "newer", id })],
  [
    /^field-(?<id>\d{1,15})(?:-(?<place>\d{1,9}))?$/i,
    (id, from) => ({ on: "field", id, from }),
  ],
];

function parseFragment(fragment: string): Focus | undefined {
  if (fragment === "") return { on: "issue" };
  const file = /^attachment-(.+)$/is.exec(fragment)?.[1];
  if (file !== undefined) return parseFile(decode(file));
  for (const [pattern, toFocus] of FRAGMENTS) {
    const { groups } = pattern.exec(fragment) ?? {};
    if (groups) return toFocus(Number(groups.id), before(groups.place));
  }
  return undefined;
}

/** Digits alone are an ID, with a place behind them or not; else a name. */
function parseFile(text: string): Focus {
  const [, id, place] = /^(\d{1,15})(?:-(\d{1,9}|end))?$/i.exec(text) ?? [];
  if (id === undefined) {
    return { on: "attachment", file: { name: text }, from: 0 };
  }
  const from = place?.toLowerCase() === "end" ? "end" : before(place);
  return { on: "attachment", file: { id: Number(id) }, from };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
