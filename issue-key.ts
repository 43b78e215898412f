import { quote } from "./text.ts";

const KEY = /^[A-Z0-9_]{1,25}-[1-9]\d{0,9}$/;
const KEYS_IN_ADDRESS =
  /(?<![\p{L}\p{N}_-])[A-Z0-9_]{0,24}[A-Z_][A-Z0-9_]{0,24}-[1-9]\d{0,9}(?![\p{L}\p{N}_-])/giu;
const DASHES = /[\u2010-\u2015\u2212\u30fc\uff70]/g;

/** What of an issue is asked for; from the fragment of its key. */
export type Focus =
  | { on: "issue" }
  | { on: "description"; from: number }
  | { on: "comment"; id: number }
  | { on: "older" | "newer"; id: number };

export interface IssueReference {
  /** Safe in a path: an issue key or a numeric ID. */
  idOrKey: string;
  focus: Focus;
}

/**
 * What `issue_key` means: a key, a numeric ID or an address of this space, with
 * its fragment. Throws with the fix where it is none, or of another space.
 */
export function parseIssueKey(text: string, host: string): IssueReference {
  const given = unwrap(text.normalize("NFKC").trim());
  const address = toAddress(given, host);
  if (address) return parseAddress(address, host);
  const [key = "", ...fragments] = given.split("#");
  const idOrKey = toKey(key);
  if (idOrKey === undefined) {
    throw new Error(
      `issue_key ${quote(text, 80)} is no issue key such as PROJ-123, no numeric ID and no address of an issue in ${host}`,
    );
  }
  const fragment = fragments.join("#");
  const focus = parseFragment(fragment);
  if (focus === undefined) {
    throw new Error(
      `issue_key: nothing is known of "#${fragment.slice(0, 40)}"; use ${idOrKey}, ${idOrKey}#description or ${idOrKey}#comment-456`,
    );
  }
  return { idOrKey, focus };
}

/** Out of a Markdown link or `<...>`, without the sentence's end. */
function unwrap(text: string): string {
  const link = /^\[[^\]]*\]\(([^)\s]+)\)$/.exec(text) ?? /^<(.+)>$/.exec(text);
  return (link?.[1] ?? text).replace(/[.,;:!?。、]+$/u, "");
}

function toKey(text: string): string | undefined {
  const key = text.replace(DASHES, "-").trim().toUpperCase();
  return KEY.test(key) || /^[1-9]\d{0,14}$/.test(key) ? key : undefined;
}

/** Undefined where the text is not an address at all. */
function toAddress(text: string, host: string): URL | undefined {
  if (/^https?:\/\//i.test(text)) {
    return URL.canParse(text) ? new URL(text) : undefined;
  }
  const isHost =
    /^[\w.-]+\.[a-z]{2,}(:\d+)?\//i.test(text) || text.startsWith(`${host}/`);
  return isHost && URL.canParse(`https://${text}`)
    ? new URL(`https://${text}`)
    : undefined;
}

function parseAddress(address: URL, host: string): IssueReference {
  if (address.host !== host) {
    throw new Error(
      `issue_key is an address of ${address.host}, but this server reads ${host} only; each space needs an entry of its own in the client's configuration`,
    );
  }
  const place = `${decode(address.pathname)} ${decode(address.search)}`;
  const keys = new Set(
    [...place.matchAll(KEYS_IN_ADDRESS)].map(([key]) => key.toUpperCase()),
  );
  const [key] = keys;
  if (key === undefined || keys.size > 1) {
    const found =
      keys.size > 1
        ? `names ${[...keys].slice(0, 5).join(", ")}`
        : "names no issue";
    throw new Error(
      `issue_key: this address ${found}; give the key of one issue, such as PROJ-123`,
    );
  }
  // Other fragments are places of the page, not of the issue.
  const focus = parseFragment(address.hash.slice(1)) ?? { on: "issue" };
  return { idOrKey: key, focus };
}

function parseFragment(fragment: string): Focus | undefined {
  if (fragment === "") return { on: "issue" };
  const description = /^description(?:-(\d{1,9}))?$/i.exec(fragment);
  if (description) {
    return { on: "description", from: Number(description[1] ?? 0) };
  }
  const comment = /^comment-(\d{1,15})(?:-(older|newer))?$/i.exec(fragment);
  if (!comment) return undefined;
  const id = Number(comment[1]);
  switch (comment[2]?.toLowerCase()) {
    case "older":
      return { on: "older", id };
    case "newer":
      return { on: "newer", id };
    default:
      return { on: "comment", id };
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
